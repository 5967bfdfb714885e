import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useKeys } from '../../keys/keyboard'
import { Collection, useRow, useRows } from '../../live/collection'
import { useCursor } from '../../live/cursor'
import { useOrder } from '../../live/order'
import { useStore } from '../../live/store'
import { useNexa } from '../../parts/context'
import { useEngaged } from '../../parts/engaged'
import { Figures } from '../../parts/figures'
import { gridKeys } from '../../parts/grid-keys'
import { Facts, HeldBack, Inspector, Search, Section, Toolbar, Workspace } from '../../parts/workspace'
import { type Place, caseOf } from '../../paths'
import { type Column, Grid } from '../../ui/grid'
import { Icon } from '../../ui/icon'
import { Age } from '../../ui/time'
import { kindWords } from '../case/inspector'
import { DecidePanel, claim } from './decide'
import { type ReviewRow, reviewList } from './reviews'
import css from './reviews.module.css'

const severityWords = { HIGH: 'High', MEDIUM: 'Medium', LOW: 'Low' } as const
const severityRank = { HIGH: 0, MEDIUM: 1, LOW: 2 } as const

const columns: ReadonlyArray<Column<ReviewRow>> = [
  { id: 'severity', head: 'Severity', track: '92px', cell: (row) => <span className={css.severity} data-severity={row.severity}><Icon name="MANUAL_REVIEW" size={14} />{severityWords[row.severity]}</span> },
  { id: 'kind', head: 'Reason', track: 'minmax(140px, .7fr)', cell: (row) => <b className={css.kind}>{kindWords(row.kind)}</b> },
  { id: 'summary', head: 'What happened', track: 'minmax(200px, 2fr)', cell: (row) => <span className={css.soft}>{row.summary}</span> },
  { id: 'hands', head: 'In whose hands', track: '120px', cell: (row) => <span className={css.soft}>{row.decision ? 'the partner is asked' : row.claimedName}</span> },
  { id: 'age', head: 'Waits', track: '72px', align: 'end', cell: (row) => <Age since={row.openedAt} /> },
]

const perPage = 200
const rereadEvery = 15_000 // ms; there is no feed of reviews, the alerts say most of it earlier

function useReviewList(): { rows: Collection<ReviewRow>; read(): void } {
  const { floor } = useNexa()
  const rows = useMemo(() => new Collection<ReviewRow>(), [])
  const read = useCallback((): void => {
    if (floor.link.connection.get() === 0) return
    floor.link.ask(reviewList, { first: perPage }).then(
      (data) => rows.take(data.reviews.edges.map((edge) => edge.node), true),
      () => undefined,
    )
  }, [floor, rows])
  useEffect(() => {
    read()
    const timer = setInterval(read, rereadEvery)
    const stops = [floor.events.subscribe(read), floor.link.connection.subscribe(read)]
    return () => {
      clearInterval(timer)
      for (const stop of stops) stop()
    }
  }, [floor, read])
  return { rows, read }
}

/** What a person has to decide: taken with c, ended with x, worked on in its case. */
export function ReviewsPage({ place }: { place: Place }) {
  const { floor, journey } = useNexa()
  const frame = useRef<HTMLDivElement>(null)
  const { rows, read } = useReviewList()
  const [deciding, setDeciding] = useState<ReviewRow | null>(null)
  const [said, setSaid] = useState<string | null>(null)
  const viewer = useStore(floor.viewer)
  const all = useRows(rows)
  const needle = place.search.trim().toLowerCase()
  const engaged = useEngaged(frame, place.at !== null)
  const order = useOrder(rows, { key: needle, fits: (row) => `${row.kind} ${row.summary}`.toLowerCase().includes(needle), compare: bySeverity, still: engaged })
  const cursor = useCursor(order.ids, place.at, (at) => journey.stay({ at }))
  const open = (urn: string | null): void => {
    const row = urn ? rows.get(urn) : undefined
    if (row) journey.go(caseOf(row.case, { at: row.subCase }))
  }
  const row = useRow(rows, place.at)
  const noRow = row ? null : 'Choose a review first, with j.'
  const others = row?.claimedBy && row.claimedBy !== viewer?.urn ? `${row.claimedName ?? 'Somebody'} is working on it.` : null
  const take = async (): Promise<void> => {
    const answer = await claim(floor, row!)
    setSaid(typeof answer === 'string' ? answer : null)
    if (typeof answer !== 'string') rows.learn([answer])
  }
  const close = (answer: ReviewRow | null): void => {
    setDeciding(null)
    if (answer) rows.learn([answer])
    if (answer) read()
    frame.current?.focus()
  }
  useKeys({
    'claim review': { run: () => void take(), why: noRow ?? others ?? (row?.claimedBy ? 'It is yours already.' : null) },
    'resolve review': { run: () => setDeciding(row!), why: noRow ?? others },
    ...gridKeys({ cursor, order, frame, searchId: 'search', open: { run: () => open(place.at), why: place.at ? null : 'Choose a review first, with j.', words: 'Open in case' } }),
    back: { run: () => (place.at ? journey.stay({ at: null }) : journey.home()), words: place.at ? 'Let go' : 'Board' },
  })
  const high = all.filter((row) => row.severity === 'HIGH').length
  return (
    <Workspace
      figures={
        <Figures
          stale={useStore(floor.link.state).phase === 'down'}
          figures={[
            { words: 'To decide', value: all.length.toLocaleString('en') },
            { words: 'High', value: high, tone: high > 0 ? 'review' : undefined },
            { words: 'Medium', value: all.filter((row) => row.severity === 'MEDIUM').length },
            { words: 'Low', value: all.filter((row) => row.severity === 'LOW').length },
          ]}
        />
      }
      toolbar={
        <Toolbar>
          <h1>Review</h1>
          <HeldBack count={order.heldBack} onShow={order.letIn} />
          <Search id="search" value={place.search} placeholder="Reason or words" onChange={(search) => journey.stay({ search })} onLeave={() => frame.current?.focus()} />
        </Toolbar>
      }
      inspector={deciding ? <DecidePanel row={deciding} onClose={close} /> : <ReviewInspector rows={rows} urn={place.at} said={said} />}
    >
      <Grid label="Reviews" columns={columns} collection={rows} ids={order.ids} at={place.at} frame={frame} name={(row) => `${severityWords[row.severity]}, ${kindWords(row.kind)}`} onAt={cursor.move} onOpen={open} empty="Nothing waits for a decision." />
    </Workspace>
  )
}

const bySeverity = (one: ReviewRow, other: ReviewRow): number =>
  severityRank[one.severity] - severityRank[other.severity] || one.openedAt.localeCompare(other.openedAt) || one.urn.localeCompare(other.urn)

function ReviewInspector({ rows, urn, said }: { rows: Collection<ReviewRow>; urn: string | null; said: string | null }) {
  const row = useRow(rows, urn)
  return (
    <Inspector label="Review">
      {row ? (
        <>
          <header>
            <h2>{kindWords(row.kind)}</h2>
            <p>{row.summary}</p>
            {said && <p className={css.said} role="alert">{said}</p>}
            {row.claimedName && <p>In the hands of {row.claimedName}.</p>}
            {row.decision && <p>Decided: {row.decision.reason}. The partner is being asked whether it bears that out.</p>}
          </header>
          <Section title="Evidence">
            <Facts facts={row.evidence.map((fact) => [fact.name, fact.value] as const)} />
          </Section>
        </>
      ) : (
        <Section title="Nothing chosen">
          <p className={css.soft}>The evidence of a review is shown here.</p>
        </Section>
      )}
    </Inspector>
  )
}
