import { useMemo } from 'react'
import type { LinkState } from '../api/link'
import { signOut } from '../api/session'
import { useRows } from '../live/collection'
import { useStore } from '../live/store'
import { Icon, type IconName } from '../ui/icon'
import { Mark } from '../ui/mark'
import { clockText, elapsed, useNow } from '../ui/time'
import { useNexa } from './context'
import { type Theme, theme, turnTheme } from './theme'
import css from './status-bar.module.css'

/** The top line: how well the link is, as of when, what is going on, which locks are mine, who I am. */
export function StatusBar() {
  const { floor, journey } = useNexa()
  const viewer = useStore(floor.viewer)
  return (
    <header className={css.bar} data-region="status" tabIndex={-1} aria-label="Status">
      <button type="button" className={css.brand} onClick={() => journey.home()}>
        <Mark />
        <b>Nexa</b>
        {viewer && <span className={css.tenant}>{viewer.tenant}</span>}
        <span className="sr-only">to the board</span>
      </button>
      <LinkChip />
      <Disruption />
      <span className={css.gap} />
      <MyLocks />
      <ThemeButton />
      {viewer && (
        <span className={css.viewer}>
          <b>{viewer.name}</b>
          <span>{roleWords[viewer.role] ?? viewer.role}</span>
        </span>
      )}
      {viewer && (
        <button type="button" className={css.button} onClick={() => void signOut()} aria-label="Sign out" title="Sign out">
          <Icon name="leave" size={15} />
        </button>
      )}
    </header>
  )
}

const roleWords: Record<string, string> = { ADMIN: 'Administrator', OPS_SUPERVISOR: 'Supervisor', AIRPORT_OPERATOR: 'Airport operator', FINANCE_AUDIT: 'Finance and audit' }

function LinkChip() {
  const { floor } = useNexa()
  const link = useStore(floor.link.state)
  const now = useNow()
  const asOf = link.phase === 'live' ? now : link.heardAt
  return (
    <span className={css.link} data-phase={link.phase} role="status">
      <i />
      <b>{linkWords(link, now)}</b>
      <time>{clockText(asOf)}</time>
    </span>
  )
}

function linkWords(link: LinkState, now: number): string {
  if (link.phase === 'late') return `Late ${elapsed(now - link.heardAt)}`
  return { live: 'Live', down: 'Down', connecting: 'Connecting', 'catching up': 'Catching up', 'signed out': 'Signed out' }[link.phase]
}

/** One line for everything that is going on, not one per flight. */
function Disruption() {
  const { floor } = useNexa()
  const cases = useRows(floor.cases)
  const words = useMemo(() => {
    const open = cases.filter((one) => one.status !== 'CLOSED')
    const airports = [...new Set(open.map((one) => one.airport))].sort()
    const parties = open.reduce((sum, one) => sum + one.subCasesTotal, 0)
    return open.length > 0 ? { airports: airports.join(' '), rest: `${open.length === 1 ? '1 flight' : `${open.length} flights`}, ${parties.toLocaleString('en')} parties` } : null
  }, [cases])
  if (!words) return null
  return (
    <span className={css.storm}>
      <Icon name="bolt" size={13} />
      <b>{words.airports}</b>
      {words.rest}
    </span>
  )
}

function MyLocks() {
  const { floor, journey } = useNexa()
  const locks = useRows(floor.locks)
  useStore(floor.viewer)
  const mine = locks.filter(floor.isMine)
  const words = mine.length === 1 ? '1 lock of mine' : `${mine.length} locks of mine`
  return (
    <button type="button" className={css.locks} data-some={mine.length > 0 || undefined} aria-label={words} title={words} onClick={() => goToLock(floor, journey)}>
      <Icon name="lock" size={13} />
      {mine.length}
    </button>
  )
}

/** Opens the case of the lock I have held longest; `g l` goes round them. */
export function goToLock(floor: ReturnType<typeof useNexa>['floor'], journey: ReturnType<typeof useNexa>['journey']): void {
  const mine = floor.locks.all().filter(floor.isMine).map((one) => one.subCase).sort()
  const here = journey.place.get().at
  const next = mine[(mine.indexOf(here ?? '') + 1) % mine.length]
  if (next) void floor.caseOf(next).then((urn) => urn && journey.go({ ...journey.place.get(), screen: 'case', urn, at: next, filter: null, search: '', airport: null }))
}

const themeIcon: Record<Theme, IconName> = { auto: 'auto', light: 'sun', dark: 'moon' }

function ThemeButton() {
  const chosen = useStore(theme)
  return (
    <button type="button" className={css.button} onClick={turnTheme} aria-label={`Theme: ${chosen}`} title={`Theme: ${chosen}`}>
      <Icon name={themeIcon[chosen]} size={15} />
    </button>
  )
}
