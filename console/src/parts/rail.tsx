import type { KeyId } from '../keys/registry'
import { shortcut } from '../keys/registry'
import { useKeys } from '../keys/keyboard'
import { useRows } from '../live/collection'
import { useStore } from '../live/store'
import { type Place, board, hotels, href, partners, reviews } from '../paths'
import { Icon, type IconName } from '../ui/icon'
import { useNexa } from './context'
import { goToLock } from './status-bar'
import css from './rail.module.css'

interface Entry {
  words: string
  icon: IconName
  place: Place
  key: KeyId
}

const entries: readonly Entry[] = [
  { words: 'Board', icon: 'board', place: board(), key: 'go board' },
  { words: 'Hotels', icon: 'hotel', place: hotels(), key: 'go hotels' },
  { words: 'Review', icon: 'review', place: reviews(), key: 'go reviews' },
  { words: 'Partners', icon: 'partner', place: partners(), key: 'go partners' },
]

/** The screens there are. */
export function Rail() {
  const { floor, journey } = useNexa()
  const { screen } = useStore(journey.place)
  const inReview = useRows(floor.cases).reduce((sum, one) => sum + (one.counts.find((count) => count.status === 'MANUAL_REVIEW')?.count ?? 0), 0)
  const go = (entry: Entry): void => (entry.place.screen === 'board' ? journey.home() : journey.go(entry.place))
  useKeys({
    'go board': { run: () => journey.home() },
    'go hotels': { run: () => journey.go(hotels()) },
    'go reviews': { run: () => journey.go(reviews()) },
    'go partners': { run: () => journey.go(partners()) },
    'go locks': { run: () => goToLock(floor, journey) },
  })
  return (
    <nav className={css.rail} aria-label="Screens" data-region="rail" tabIndex={-1}>
      {entries.map((entry) => {
        const here = screen === entry.place.screen || (screen === 'case' && entry.place.screen === 'board')
        const badge = entry.place.screen === 'reviews' ? inReview : 0
        return (
          <a
            key={entry.words}
            href={href(entry.place)}
            aria-current={here ? 'page' : undefined}
            title={`${entry.words} (${shortcut(entry.key).keys[0]})`}
            onClick={(event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return
              event.preventDefault()
              go(entry)
            }}
          >
            <Icon name={entry.icon} size={18} />
            <span>{entry.words}</span>
            {badge > 0 && <b aria-label={`${badge} in review`}>{badge}</b>}
          </a>
        )
      })}
    </nav>
  )
}
