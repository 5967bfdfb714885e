import { useEffect, useState } from 'react'
import { useNexa } from '../../parts/context'
import { Icon, type IconName } from '../../ui/icon'
import { clockText } from '../../ui/time'
import { type Attempt, type TimelineLine, attempts } from './case'
import css from './case.module.css'

const readAgain = 10_000 // ms while something is under way: look-ups come minutes apart, and none of them is pushed

const underWay = new Set(['INTENT', 'SENT', 'UNKNOWN'])

/** What partners were asked, oldest first: read again when the timeline moves, and now and then while a partner has not made up its mind. */
export function useAttempts(subCase: string | null, lines: readonly TimelineLine[] | null): readonly Attempt[] {
  const { floor } = useNexa()
  const [read, setRead] = useState<{ of: string; attempts: readonly Attempt[] } | null>(null)
  const known = read?.of === subCase ? read.attempts : []
  const waiting = known.some((one) => underWay.has(one.state))
  const moved = lines?.map((line) => `${line.step}${line.state}`).join()
  useEffect(() => {
    if (!subCase || moved === undefined) return
    let current = true
    const ask = (): void => {
      floor.link.ask(attempts, { subCase }).then(
        (data) => current && data.subCase && setRead({ of: subCase, attempts: inOrder(data.subCase) }),
        () => undefined, // the old ones stay; the banner says that the line is down
      )
    }
    ask()
    const timer = waiting ? setInterval(ask, readAgain) : undefined
    return () => {
      current = false
      clearInterval(timer)
    }
  }, [floor, subCase, moved, waiting])
  return known
}

const inOrder = (row: { roomOperations: Attempt[]; cardOperations: Attempt[]; messageOperations: Attempt[] }): Attempt[] =>
  [...row.roomOperations, ...row.cardOperations, ...row.messageOperations].sort((a, b) => a.intendedAt.localeCompare(b.intendedAt))

const names: Record<string, string> = {
  search_hotels: 'Search hotels', book_rooms: 'Book a hotel', cancel_rooms: 'Cancel a hotel', issue_card: 'Issue a card', void_card: 'Void a card', send_message: 'Send a text',
}
const looks: Record<string, [IconName, string, string]> = {
  INTENT: ['PROCESSING', 'about to be sent', 'ASKED'], SENT: ['PROCESSING', 'sent', 'ASKED'], UNKNOWN: ['MANUAL_REVIEW', 'nobody knows yet', 'CONTINUED'],
  OK: ['check', 'done', 'DONE'], DECLINED: ['REJECTED_BY_PAX', 'declined', 'REFUSED'], EXHAUSTED: ['REJECTED_BY_PAX', 'given up', 'REFUSED'],
  WITHDRAWN: ['LOCAL_RESIDENT', 'taken back', 'UNDONE'], REVIEW: ['MANUAL_REVIEW', 'a person looks', 'CONTINUED'],
}
const deeds: Record<string, string> = {
  send: 'Sent', 'look-up': 'Looked up', verify: 'Verified', watch: 'Watched from here on', review: 'A person found out', death: 'The worker died', stumble: 'Could not be written down',
}
const answers: Record<string, string> = { Ok: 'ok', Declined: 'declined', NotSent: 'not sent', Unknown: 'nobody knows', FOUND: 'it is there', ABSENT: 'it is not there', CANCELLED: 'it is cancelled' }

/** Each call to a partner with everything that was done about it, and under which reference. */
export function Attempts({ attempts }: { attempts: readonly Attempt[] }) {
  return (
    <ol className={css.steps}>
      {attempts.map((attempt) => (
        <AttemptLine key={attempt.urn} attempt={attempt} />
      ))}
    </ol>
  )
}

function AttemptLine({ attempt }: { attempt: Attempt }) {
  const [icon, words, tone] = looks[attempt.state] ?? ['bolt', attempt.state.toLowerCase(), '']
  const sends = attempt.sends > 1 ? `${attempt.sends} sends` : null
  const watched = attempt.watchedAt && underWay.has(attempt.state) ? 'watched' : null
  const next = attempt.nextAt && attempt.state === 'UNKNOWN' ? `next look ${clockText(Date.parse(attempt.nextAt))}` : null
  return (
    <li data-state={tone}>
      <i className={css.dot}>
        <Icon name={icon} size={13} />
      </i>
      <div>
        <header>
          <b>{names[attempt.name] ?? attempt.name}</b>
          <span>{[words, watched, sends, next].filter(Boolean).join(', ')}</span>
          <time dateTime={attempt.intendedAt}>{clockText(Date.parse(attempt.intendedAt))}</time>
        </header>
        {attempt.references.length > 0 && <p className={css.code}>{attempt.references.join(' ')}</p>}
        <ol className={css.deeds}>
          {attempt.lines.map((line, index) => (
            <li key={`${line.at}|${line.did}|${index}`}>
              <time dateTime={line.at}>{clockText(Date.parse(line.at))}</time>
              <span>
                {deeds[line.did] ?? line.did}
                {line.answer && `: ${answers[line.answer] ?? line.answer}`}
                {line.why && `, ${line.why}`}
              </span>
              {line.evidence.length > 0 && (
                <dl>
                  {line.evidence.map((fact) => (
                    <div key={fact.name}>
                      <dt>{fact.name}</dt>
                      <dd>{fact.value}</dd>
                    </div>
                  ))}
                </dl>
              )}
            </li>
          ))}
        </ol>
      </div>
    </li>
  )
}
