import { useEffect, useState } from 'react'
import { signIn } from './api/session'
import { useKeyboard, useKeys } from './keys/keyboard'
import { useStore } from './live/store'
import { BoardPage } from './pages/board/page'
import { CasePage } from './pages/case/page'
import { HotelsPage } from './pages/hotels/page'
import { PartnersPage } from './pages/partners/page'
import { ReviewsPage } from './pages/reviews/page'
import { useNexa } from './parts/context'
import { EventStrip } from './parts/event-strip'
import { KeyBar } from './parts/key-bar'
import { KeySheet } from './parts/key-sheet'
import { LinkBanner } from './parts/link-banner'
import { Rail } from './parts/rail'
import { StopBanner } from './parts/stop-banner'
import { StatusBar } from './parts/status-bar'
import css from './app.module.css'

/** The regions, in the same place on every screen; `F6` walks them. */
export function App() {
  const { floor } = useNexa()
  const keyboard = useKeyboard()
  const [sheet, setSheet] = useState(false)
  useEffect(() => {
    addEventListener('keydown', keyboard.onKeyDown)
    return () => removeEventListener('keydown', keyboard.onKeyDown)
  }, [keyboard])
  useKeys({ keys: { run: () => setSheet(true) }, regions: { run: nextRegion } })
  const viewer = useStore(floor.viewer)
  const { phase } = useStore(floor.link.state)
  useEffect(() => {
    if (phase === 'signed out' && !viewer) signIn()
  }, [phase, viewer])
  return (
    <div className={css.app}>
      <LinkBanner />
      <StopBanner />
      <StatusBar />
      <div className={css.middle}>
        <Rail />
        <div className={css.work}>
          <Screen />
          <EventStrip />
        </div>
      </div>
      <KeyBar />
      {sheet && <KeySheet onClose={() => setSheet(false)} />}
    </div>
  )
}

function Screen() {
  const { journey } = useNexa()
  const place = useStore(journey.place)
  switch (place.screen) {
    case 'board':
      return <BoardPage place={place} />
    case 'case':
      return <CasePage key={place.urn} place={place} />
    case 'hotels':
      return <HotelsPage place={place} />
    case 'reviews':
      return <ReviewsPage place={place} />
    case 'partners':
      return <PartnersPage place={place} />
  }
}

const walk = ['status', 'rail', 'grid', 'inspector', 'events', 'keys'] as const

function nextRegion(): void {
  const here = document.activeElement?.closest<HTMLElement>('[data-region]')?.dataset.region
  const next = walk[(walk.indexOf(here as never) + 1) % walk.length]
  document.querySelector<HTMLElement>(`[data-region='${next}']`)?.focus()
}
