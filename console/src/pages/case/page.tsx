import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useKeyboard, useKeys } from '../../keys/keyboard'
import { Collection, useRow, useRows } from '../../live/collection'
import { useCursor } from '../../live/cursor'
import { Feed } from '../../live/feed'
import { useOrder } from '../../live/order'
import { Store, useStore } from '../../live/store'
import { useNexa } from '../../parts/context'
import { useEngaged } from '../../parts/engaged'
import { gridKeys } from '../../parts/grid-keys'
import { Choices, HeldBack, Search, Toolbar, Workspace } from '../../parts/workspace'
import type { Place } from '../../paths'
import { Grid } from '../../ui/grid'
import { dayAndHour } from '../../ui/time'
import { causeWords } from '../board/columns'
import { type CaseQueueData, type CaseRowsData, type SubCaseRow, type Turn, caseQueue, caseRows } from './case'
import { columnsFor } from './columns'
import { Desk } from './desk'
import { CaseFigures } from './figures'
import { type View, SubCaseInspector } from './inspector'
import { useCaseRow, useReviews } from './reads'
import { byNeed, filters, matches, mergeSubCase, nameOf, whyNoVoucher } from './rows'
import { type Plan, VoucherPanel, planFor } from './voucher'
import css from './case.module.css'

/** The rows of one case, followed while its screen is open. */
function useSubCases(urn: string): Collection<SubCaseRow> {
  const { floor } = useNexa()
  const rows = useMemo(() => new Collection<SubCaseRow>(mergeSubCase), [urn])
  useEffect(() => {
    const feed = new Feed<CaseRowsData, CaseRowsData['subCases']>(floor.link, caseRows as never, { case: urn }, (data) => data.subCases, (batch) =>
      rows.take(batch.items, batch.snapshot),
    )
    return () => feed.close()
  }, [floor, rows, urn])
  return rows
}

/** Whose turn it is when, by sub-case: every batch says all of it. */
function useTurns(urn: string): Store<ReadonlyMap<string, Turn>> {
  const { floor } = useNexa()
  const turns = useMemo(() => new Store<ReadonlyMap<string, Turn>>(new Map()), [urn])
  useEffect(() => {
    const feed = new Feed<CaseQueueData, CaseQueueData['queue']>(floor.link, caseQueue as never, { case: urn }, (data) => data.queue, (batch) =>
      turns.set(new Map(batch.items.map((one) => [one.subCase, one]))),
    )
    return () => feed.close()
  }, [floor, turns, urn])
  return turns
}

/** One case by keyboard: claim, issue, follow. */
export function CasePage({ place }: { place: Place }) {
  const urn = place.urn ?? ''
  const { floor, journey } = useNexa()
  const keyboard = useKeyboard()
  const frame = useRef<HTMLDivElement>(null)
  const rows = useSubCases(urn)
  const desk = useMemo(() => new Desk(floor, rows), [floor, rows])
  const turns = useTurns(urn)
  const columns = useMemo(() => columnsFor(floor, desk, turns), [floor, desk, turns])
  const all = useRows(rows)
  const [view, setView] = useState<View>('details')
  const [plan, setPlan] = useState<Plan | null>(null)
  const filter = filters.find((one) => one.id === place.filter) ?? filters[0]!
  const needle = place.search.trim().toLowerCase()
  const [working, setWorking] = useState(false)
  const engaged = useEngaged(frame, working || place.at !== null || plan !== null)
  const fits = (row: SubCaseRow): boolean => filter.fits(row) && matches(row, needle)
  const order = useOrder(rows, { key: `${urn}|${filter.id}|${needle}`, fits, compare: byNeed, still: engaged })
  const cursor = useCursor(order.ids, place.at, useCallback((at) => journey.stay({ at }), [journey]))
  useEffect(() => setWorking(cursor.selected.size > 0), [cursor.selected])
  useStore(floor.viewer)
  const row = useRow(rows, place.at)
  const reviews = useReviews(urn, all)

  const workable = (one: SubCaseRow): boolean => one.status === 'PENDING' && whyNoVoucher(one, floor.isMine) === null
  const shown = (): SubCaseRow[] => order.ids.flatMap((id) => rows.get(id) ?? [])
  const preview = (): void => setPlan(planFor(cursor.selected.size > 0 ? [...cursor.selected].flatMap((id) => rows.get(id) ?? []) : row ? [row] : [], floor.isMine))
  const closed = (refused: readonly string[] | null): void => {
    setPlan(null)
    frame.current?.focus({ preventScroll: true })
    if (refused === null) return
    cursor.select(refused)
    const list = shown()
    const here = list.findIndex((one) => one.urn === place.at)
    const next = [...list.slice(here + 1), ...list.slice(0, here + 1)].find(workable)
    if (next && refused.length === 0) cursor.move(next.urn)
  }
  const say = (words: string, why: string): void => keyboard.refusal.set({ words, why, at: Date.now() })
  const noRow = row ? null : 'Choose a row first, with j.'
  const others = row?.lock?.holder && !floor.isMine(row.lock) ? `${row.lock.holderName ?? 'Somebody'} is working on it.` : null
  const mine = floor.isMine(row?.lock)
  const someSelected = cursor.selected.size > 0

  useKeys({
    ...gridKeys({ cursor, order, frame, searchId: 'search', open: { run: () => setView('timeline'), why: noRow } }),
    ...Object.fromEntries(filters.map((one, index) => [`filter ${index + 1}`, { run: () => journey.stay({ filter: one.id }) }])),
    select: { run: () => place.at && cursor.toggle(place.at), why: noRow },
    'extend down': { run: () => cursor.extend(1), why: noRow, words: 'Extend' },
    'extend up': { run: () => cursor.extend(-1), why: noRow },
    'select all': { run: () => cursor.select(shown().filter(workable).map((one) => one.urn)), why: shown().some(workable) ? null : 'Nobody here can be worked on.' },
    claim: { run: () => void desk.claim(place.at!).then((got) => got || say('Claim', desk.notes.get().get(place.at!)?.words ?? 'Refused.')), why: noRow ?? others ?? (mine ? 'It is yours already.' : null) },
    release: { run: () => void desk.release(place.at!), why: noRow ?? (mine ? null : 'You do not hold its lock.') },
    issue: {
      run: preview,
      why: someSelected ? null : (noRow ?? (row ? whyNoVoucher(row, floor.isMine) : null)),
      words: someSelected ? `Issue for ${cursor.selected.size}` : 'Issue voucher',
    },
    timeline: { run: () => setView(view === 'timeline' ? 'details' : 'timeline'), why: noRow, words: view === 'timeline' ? 'Details' : 'Timeline' },
    back: {
      run: () => (someSelected ? cursor.select([]) : place.search ? journey.stay({ search: '' }) : journey.home()),
      words: someSelected ? 'Clear selection' : place.search ? 'Clear search' : 'Board',
    },
  })

  return (
    <Workspace
      figures={<CaseFigures rows={all} />}
      toolbar={
        <Toolbar>
          <CaseTitle urn={urn} />
          <Choices label="Sub-cases" digits chosen={filter.id} onChoose={(id) => journey.stay({ filter: id })} choices={filters.map((one) => ({ id: one.id, words: one.words, count: all.filter(one.fits).length }))} />
          {someSelected && <span className={css.selected} role="status">{cursor.selected.size.toLocaleString('en')} selected</span>}
          <HeldBack count={order.heldBack} onShow={order.letIn} />
          <Search id="search" value={place.search} placeholder="Name, PNR, tier, hotel" onChange={(search) => journey.stay({ search })} onLeave={() => frame.current?.focus()} />
        </Toolbar>
      }
      inspector={plan ? <VoucherPanel plan={plan} desk={desk} rows={rows} onClose={closed} /> : <SubCaseInspector rows={rows} urn={place.at} view={view} reviews={reviews} onView={setView} />}
    >
      <Grid
        label="Sub-cases"
        columns={columns}
        collection={rows}
        ids={order.ids}
        at={place.at}
        selected={cursor.selected}
        frame={frame}
        look={look}
        name={(one) => `${nameOf(one)}, ${one.status}`}
        onAt={cursor.move}
        onToggle={cursor.toggle}
        onOpen={() => setView('timeline')}
        empty={<Nothing urn={urn} any={all.length > 0} />}
      />
    </Workspace>
  )
}

const look = (row: SubCaseRow): string | undefined => (row.status === 'LOCAL_RESIDENT' || row.status === 'CANCELLED' ? 'quiet' : undefined)

function CaseTitle({ urn }: { urn: string }) {
  const row = useCaseRow(urn)
  if (!row) return <h1>{row === null ? 'No such case' : 'Case'}</h1>
  return (
    <h1>
      {row.flightNumber}
      <small title={causeWords(row.cause)}>
        {row.airport} to {row.destination}, {dayAndHour(row.departs)}
      </small>
    </h1>
  )
}

function Nothing({ urn, any }: { urn: string; any: boolean }) {
  const row = useCaseRow(urn)
  if (any) return <>No sub-case fits. Press 1 for all of them.</>
  if (row === null) return <>There is no such case, or it is not at your airports.</>
  if (row?.manifestState === 'AWAITED') return <>The manifest is being fetched. Parties appear here as they are opened.</>
  if (row?.manifestState === 'EMPTY') return <>The airline's manifest for this flight is empty.</>
  if (row?.manifestState === 'UNREACHABLE') return <>The airline's manifest cannot be reached. It is tried again.</>
  return <>No parties yet.</>
}
