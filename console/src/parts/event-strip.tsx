import { useStore } from '../live/store'
import { caseOf } from '../paths'
import { Icon, type IconName } from '../ui/icon'
import { Age, clockText } from '../ui/time'
import type { AlertLine } from './shell'
import { useNexa } from './context'
import css from './event-strip.module.css'

const icons: ReadonlyArray<[RegExp, IconName, string]> = [
  [/declin|reject/i, 'REJECTED_BY_PAX', 'declined'],
  [/review|fail/i, 'MANUAL_REVIEW', 'review'],
  [/accept/i, 'RESOLVED', 'accepted'],
]

const look = (kind: string): [IconName, string] => {
  const found = icons.find(([pattern]) => pattern.test(kind))
  return found ? [found[1], found[2]] : ['bolt', 'plain']
}

/** What changed that I did not do, newest first. Nothing pops up; it is here when looked for, and said once to a screen reader. */
export function EventStrip() {
  const { floor, journey } = useNexa()
  const events = useStore(floor.events)
  return (
    <section className={css.strip} data-region="events" tabIndex={-1} aria-label="Events">
      <h2>
        Events <span>{events.length > 0 ? events.length : ''}</span>
      </h2>
      {events.length === 0 && <p>Declines and reviews appear here as they happen.</p>}
      <ol aria-live="polite" aria-relevant="additions">
        {events.slice(0, 50).map((event) => (
          <Line key={event.urn} event={event} onOpen={() => journey.go(caseOf(event.case, { at: event.subCase }))} />
        ))}
      </ol>
    </section>
  )
}

function Line({ event, onOpen }: { event: AlertLine; onOpen(): void }) {
  const [icon, tone] = look(event.kind)
  return (
    <li>
      <button type="button" onClick={onOpen} data-tone={tone}>
        <time>{clockText(Date.parse(event.at))}</time>
        <Icon name={icon} size={14} />
        <span>{event.message}</span>
        <small>
          <Age since={event.at} />
        </small>
      </button>
    </li>
  )
}
