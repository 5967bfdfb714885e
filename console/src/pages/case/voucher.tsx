/** Issuing for one or many: what will happen and who is left out, then one summary by outcome. The grid stays in view. */
import { useEffect, useMemo, useRef, useState } from 'react'
import { useKeys } from '../../keys/keyboard'
import type { Collection } from '../../live/collection'
import { useNexa } from '../../parts/context'
import { Section } from '../../parts/workspace'
import { KeyCap } from '../../ui/key-cap'
import type { SubCaseRow } from './case'
import { type Desk, type Parcel, type Refused, wordsOf } from './desk'
import { guestsOf, nameOf, whyNoVoucher } from './rows'
import css from './voucher.module.css'
import panel from '../../parts/workspace.module.css'

export interface Plan {
  go: readonly SubCaseRow[]
  leftOut: ReadonlyArray<{ row: SubCaseRow; why: string }>
}

/** Who of these gets a voucher, and why the others do not. */
export function planFor(rows: readonly SubCaseRow[], isMine: (lock: SubCaseRow['lock']) => boolean): Plan {
  const judged = rows.map((row) => ({ row, why: whyNoVoucher(row, isMine) }))
  return { go: judged.filter((one) => one.why === null).map((one) => one.row), leftOut: judged.flatMap(({ row, why }) => (why === null ? [] : [{ row, why }])) }
}

/** The same reason once, with how many it keeps out. */
export function grouped<Item>(items: readonly Item[], of: (item: Item) => string): ReadonlyArray<readonly [string, readonly Item[]]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) groups.set(of(item), [...(groups.get(of(item)) ?? []), item])
  return [...groups].sort((a, b) => b[1].length - a[1].length)
}

interface Outcome {
  requested: string[]
  refused: Refused[]
}

type Stage = { name: 'preview' } | { name: 'sending'; done: number } | { name: 'stopped'; why: string } | { name: 'summary' }

interface Props {
  plan: Plan
  desk: Desk
  rows: Collection<SubCaseRow>
  /** Called with the URNs that were refused, which stay selected; null when nothing was sent. */
  onClose(refused: readonly string[] | null): void
}

export function VoucherPanel({ plan, desk, rows, onClose }: Props) {
  const { floor } = useNexa()
  const heading = useRef<HTMLHeadingElement>(null)
  const parcels = useMemo(() => desk.parcels(plan.go), [desk, plan])
  const [stage, setStage] = useState<Stage>({ name: 'preview' })
  const [outcome, setOutcome] = useState<Outcome>({ requested: [], refused: [] })
  const next = useRef(0)
  const count = plan.go.length
  useEffect(() => heading.current?.focus(), [])

  const send = async (): Promise<void> => {
    try {
      for (; next.current < parcels.length; next.current += 1) {
        setStage({ name: 'sending', done: doneOf(parcels, next.current) })
        const answer = await desk.issue(parcels[next.current]!)
        setOutcome((old) => ({ requested: [...old.requested, ...answer.requested.map((row) => row.urn)], refused: [...old.refused, ...answer.refused] }))
      }
      setStage({ name: 'summary' })
    } catch (error) {
      setStage({ name: 'stopped', why: wordsOf(error) })
    }
  }
  const close = (): void => onClose(stage.name === 'preview' ? null : outcome.refused.map((one) => one.urn))
  const link = floor.link.state.get().phase
  const why = count === 0 ? 'Nobody here can get a voucher now.' : stage.name === 'sending' ? 'It is being sent.' : link === 'down' ? 'There is no connection.' : null
  useKeys(
    {
      ...(stage.name === 'summary' ? {} : { send: { run: () => void send(), why, words: stage.name === 'stopped' ? 'Send the rest again' : `Issue ${count} ${count === 1 ? 'voucher' : 'vouchers'}` } }),
      back: { run: close, why: stage.name === 'sending' ? 'It is being sent.' : null, words: stage.name === 'preview' ? 'Cancel' : 'Close' },
    },
    { modal: true },
  )

  return (
    <aside className={`${panel.inspector} ${css.panel}`} aria-label="Issue vouchers" data-region="inspector" data-stage={stage.name}>
      <header>
        <h2 ref={heading} tabIndex={-1}>
          {stage.name === 'summary' ? 'Requested' : `Issue ${count} ${count === 1 ? 'voucher' : 'vouchers'}`}
        </h2>
        {stage.name === 'preview' && <p>For each party a room is booked, a meal card issued and a message sent. The passenger may decline; an operator cannot take it back from here.</p>}
        {stage.name === 'sending' && <progress max={count} value={stage.done} aria-label={`${stage.done} of ${count} sent`} />}
        {stage.name === 'stopped' && <p className={css.stopped}>{stage.why} What was acknowledged stays; sending again doubles nothing.</p>}
        {stage.name !== 'summary' && (
          <button type="button" className={css.send} aria-disabled={why ? true : undefined} onClick={() => !why && void send()}>
            {stage.name === 'stopped' ? 'Send the rest again' : `Issue ${count} ${count === 1 ? 'voucher' : 'vouchers'}`} <KeyCap keys="Ctrl+Enter" />
          </button>
        )}
      </header>
      {stage.name === 'summary' ? <Summary outcome={outcome} plan={plan} rows={rows} /> : <Preview plan={plan} />}
    </aside>
  )
}

const doneOf = (parcels: readonly Parcel[], place: number): number => parcels.slice(0, place).reduce((sum, one) => sum + one.rows.length, 0)

function Preview({ plan }: { plan: Plan }) {
  const total = (of: (row: SubCaseRow) => number): string => plan.go.reduce((sum, row) => sum + of(row), 0).toLocaleString('en')
  return (
    <>
      <dl className={css.totals}>
        <div><dt>Parties</dt><dd>{plan.go.length.toLocaleString('en')}</dd></div>
        <div><dt>Guests</dt><dd>{total(guestsOf)}</dd></div>
        <div><dt>Rooms</dt><dd>{total((row) => row.rooms)}</dd></div>
        <div><dt>Room nights</dt><dd>{total((row) => row.rooms * row.nights)}</dd></div>
      </dl>
      {plan.leftOut.length > 0 && (
        <Section title="Left out" aside={plan.leftOut.length.toLocaleString('en')}>
          <Reasons groups={grouped(plan.leftOut, (one) => one.why).map(([why, all]) => [why, all.map((one) => nameOf(one.row))])} />
        </Section>
      )}
    </>
  )
}

function Summary({ outcome, plan, rows }: { outcome: Outcome; plan: Plan; rows: Collection<SubCaseRow> }) {
  const name = (urn: string): string => {
    const row = rows.get(urn)
    return row ? nameOf(row) : urn
  }
  return (
    <>
      <dl className={css.totals} role="status">
        <div data-tone="requested"><dt>Requested</dt><dd>{outcome.requested.length.toLocaleString('en')}</dd></div>
        <div data-tone={outcome.refused.length > 0 ? 'refused' : undefined}><dt>Refused</dt><dd>{outcome.refused.length.toLocaleString('en')}</dd></div>
        <div><dt>Left out</dt><dd>{plan.leftOut.length.toLocaleString('en')}</dd></div>
      </dl>
      {outcome.refused.length > 0 && (
        <Section title="Refused, still selected">
          <Reasons groups={grouped(outcome.refused, (one) => one.message).map(([why, all]) => [why, all.map((one) => name(one.urn))])} />
        </Section>
      )}
      <Section title="What follows">
        <p className={css.soft}>Each moves to Offer ready when its room is confirmed. What cannot be booked comes to Review.</p>
      </Section>
    </>
  )
}

const named = 6

function Reasons({ groups }: { groups: ReadonlyArray<readonly [string, readonly string[]]> }) {
  return (
    <ul className={css.reasons}>
      {groups.map(([why, names]) => (
        <li key={why}>
          <b>{names.length}</b>
          <div>
            <p>{why}</p>
            <small>
              {names.slice(0, named).join(', ')}
              {names.length > named && ` and ${names.length - named} more`}
            </small>
          </div>
        </li>
      ))}
    </ul>
  )
}
