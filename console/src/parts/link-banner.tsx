import { signIn } from '../api/session'
import { useStore } from '../live/store'
import { clockText, useNow } from '../ui/time'
import { useNexa } from './context'
import css from './link-banner.module.css'

/** Across the top while nothing can be trusted to be new. What is below stays readable and is marked. */
export function LinkBanner() {
  const { floor } = useNexa()
  const link = useStore(floor.link.state)
  const lost = useStore(floor.lostLocks)
  const now = useNow()
  if (link.phase === 'signed out') {
    return (
      <Banner words={`Your sign-in ended. Everything below is as of ${clockText(link.heardAt)}.`}>
        <button type="button" onClick={signIn}>Sign in</button>
      </Banner>
    )
  }
  if (link.phase === 'down') {
    const next = link.retryAt === null ? 'Trying now.' : `Next try in ${Math.max(0, Math.ceil((link.retryAt - now) / 1000))} s.`
    return (
      <Banner words={`No connection. Everything below is as of ${clockText(link.heardAt)}. ${next}`}>
        <button type="button" onClick={() => floor.link.retryNow()}>Try now</button>
      </Banner>
    )
  }
  if (lost.length > 0) {
    return (
      <Banner words={`The connection was renewed and ${lost.length === 1 ? 'a lock' : `${lost.length} locks`} went with the old one. Claim again with c.`} calm>
        <button type="button" onClick={() => floor.lostLocks.set([])}>Understood</button>
      </Banner>
    )
  }
  return null
}

function Banner({ words, calm, children }: { words: string; calm?: boolean; children: React.ReactNode }) {
  return (
    <div className={css.banner} data-calm={calm} role="alert">
      <span>{words}</span>
      {children}
    </div>
  )
}
