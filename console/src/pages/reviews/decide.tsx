/** Ending a review: a reason, and where a partner's doing is in question what was found out. The server decides when it is over. */
import { useEffect, useRef, useState } from 'react'
import { CommandError } from '../../api/link'
import { useKeys } from '../../keys/keyboard'
import type { Floor } from '../../live/floor'
import { useNexa } from '../../parts/context'
import { Facts, Section } from '../../parts/workspace'
import { KeyCap } from '../../ui/key-cap'
import { kindWords } from '../case/inspector'
import { type Finding, type ReviewRow, claimReview, resolveReview } from './reviews'
import css from './reviews.module.css'
import panel from '../../parts/workspace.module.css'

const findings: ReadonlyArray<readonly [Finding, string]> = [
  ['FOUND', 'It is there'],
  ['ABSENT', 'There is nothing'],
  ['CANCELLED', 'It is cancelled there'],
]

const wordsOf = (error: unknown): string => (error instanceof CommandError ? error.message : 'That did not work.')

/** The row as it stands once it is taken, or why not. */
export async function claim(floor: Floor, row: ReviewRow): Promise<ReviewRow | string> {
  try {
    const { claimReview: answer } = await floor.link.ask(claimReview, { review: row.urn, version: row.version })
    return answer.__typename === 'ReviewClaimed' ? answer.review : answer.message
  } catch (error) {
    return wordsOf(error)
  }
}

interface Decided {
  finding: Finding | null
  reference: string
  reason: string
  key: string
}

async function resolve(floor: Floor, row: ReviewRow, { finding, reference, reason, key }: Decided): Promise<ReviewRow | string> {
  const input = { review: row.urn, version: row.version, reason, idempotencyKey: key, finding, reference: reference || null }
  try {
    const { resolveReview: answer } = await floor.link.ask(resolveReview, { input })
    return answer.__typename === 'ReviewDecided' ? answer.review : answer.message
  } catch (error) {
    return wordsOf(error)
  }
}

interface Props {
  row: ReviewRow
  /** Called with the row as it stands then; null when nothing was sent. */
  onClose(row: ReviewRow | null): void
}

export function DecidePanel({ row, onClose }: Props) {
  const { floor } = useNexa()
  const heading = useRef<HTMLHeadingElement>(null)
  const [decided, setDecided] = useState<Decided>(() => ({ finding: null, reference: '', reason: '', key: newKey() }))
  const [said, setSaid] = useState<string | null>(null)
  const [sending, setSending] = useState(false)
  useEffect(() => heading.current?.focus(), [])
  // Another answer is another request: the key that makes sending twice harmless is new with it.
  const change = (fields: Partial<Decided>): void => setDecided((old) => ({ ...old, ...fields, key: newKey() }))
  const send = async (): Promise<void> => {
    setSending(true)
    const answer = await resolve(floor, row, decided)
    setSending(false)
    if (typeof answer === 'string') setSaid(answer)
    else onClose(answer)
  }
  const why = sending ? 'It is being sent.' : row.operation && !decided.finding ? 'Say first what you found.' : decided.reason.trim() ? null : 'Give a reason first.'
  useKeys(
    { send: { run: () => void send(), why, words: 'Resolve' }, back: { run: () => onClose(null), why: sending ? 'It is being sent.' : null, words: 'Cancel' } },
    { modal: true },
  )
  return (
    <aside className={`${panel.inspector} ${css.decide}`} aria-label="Resolve a review" data-region="inspector">
      <header>
        <h2 ref={heading} tabIndex={-1}>
          Resolve: {kindWords(row.kind)}
        </h2>
        <p>{row.summary}</p>
      </header>
      <Section title="What you found">
        <form onSubmit={(event) => event.preventDefault()}>
          {row.operation && (
            <fieldset>
              <legend>At the partner</legend>
              {findings.map(([finding, words]) => (
                <label key={finding}>
                  <input type="radio" name="finding" checked={decided.finding === finding} onChange={() => change({ finding })} /> {words}
                </label>
              ))}
            </fieldset>
          )}
          {decided.finding === 'FOUND' && (
            <label>
              The partner's own reference, if you have it
              <input value={decided.reference} onChange={(event) => change({ reference: event.target.value })} />
            </label>
          )}
          <label>
            Reason, kept in the audit
            <textarea rows={3} value={decided.reason} onChange={(event) => change({ reason: event.target.value })} />
          </label>
          {said && <p className={css.said} role="alert">{said}</p>}
          <button type="button" className={css.send} aria-disabled={why ? true : undefined} title={why ?? undefined} onClick={() => !why && void send()}>
            Resolve <KeyCap keys="Ctrl+Enter" />
          </button>
        </form>
      </Section>
      <Section title="Evidence">
        <Facts facts={row.evidence.map((fact) => [fact.name, fact.value] as const)} />
      </Section>
    </aside>
  )
}

/** Random bytes rather than `randomUUID`, which a page served by plain http on a hub's own host does not have. */
const newKey = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
