import { useCallback, useMemo, useRef } from 'react'
import { useKeys } from '../../keys/keyboard'
import { useRow, useRows } from '../../live/collection'
import { useCursor } from '../../live/cursor'
import { useOrder } from '../../live/order'
import { useStore } from '../../live/store'
import { useEngaged } from '../../parts/engaged'
import { Figures } from '../../parts/figures'
import { useNexa } from '../../parts/context'
import { gridKeys } from '../../parts/grid-keys'
import { Progress, State, countsOf, progressOrder } from '../../parts/states'
import { Choices, Facts, HeldBack, Inspector, Search, Section, Toolbar, Workspace } from '../../parts/workspace'
import { type Place, caseOf } from '../../paths'
import { Grid } from '../../ui/grid'
import { Age, dayAndHour, useNow, elapsed } from '../../ui/time'
import type { CaseRow } from './board'
import { Inside, causeWords, columns, count, manifestWords } from './columns'
import { byUrgency } from './urgency'
import css from './board.module.css'

const filters = [
  { id: null, words: 'Open', fits: (row: CaseRow) => row.status !== 'CLOSED' },
  { id: 'waiting', words: 'Waiting', fits: (row: CaseRow) => count(row, 'PENDING') > 0 },
  { id: 'attention', words: 'Needs a person', fits: (row: CaseRow) => count(row, 'MANUAL_REVIEW') + count(row, 'REJECTED_BY_PAX') > 0 },
  { id: 'closed', words: 'Closed', fits: (row: CaseRow) => row.status === 'CLOSED' },
] as const

/** What is burning and who has it: every case by urgency. */
export function BoardPage({ place }: { place: Place }) {
  const { floor, journey } = useNexa()
  const frame = useRef<HTMLDivElement>(null)
  const rows = useRows(floor.cases)
  const read = useStore(floor.link.connection) > 0
  const engaged = useEngaged(frame, place.at !== null)
  const filter = filters.find((one) => one.id === place.filter) ?? filters[0]
  const needle = place.search.trim().toLowerCase()
  const fits = (row: CaseRow): boolean => filter.fits(row) && (!place.airport || row.airport === place.airport) && matches(row, needle)
  const order = useOrder(floor.cases, { key: `${place.filter}|${place.airport}|${needle}`, fits, compare: byUrgency, still: engaged })
  const cursor = useCursor(order.ids, place.at, useCallback((at) => journey.stay({ at }), [journey]))
  const open = (urn: string): void => journey.go(caseOf(urn))
  const airports = useMemo(() => [...new Set(rows.map((row) => row.airport))].sort(), [rows])

  useKeys({
    ...gridKeys({ cursor, order, frame, searchId: 'search', open: { run: () => place.at && open(place.at), why: place.at ? null : 'Choose a case first, with j.', words: 'Open case' } }),
    ...Object.fromEntries(filters.map((one, index) => [`filter ${index + 1}`, { run: () => journey.stay({ filter: one.id }) }])),
    ...(place.at || place.search ? { back: { run: () => journey.stay(place.at ? { at: null } : { search: '' }), words: place.at ? 'Let go' : 'Clear search' } } : {}),
  })

  return (
    <Workspace
      figures={<BoardFigures rows={rows} />}
      toolbar={
        <Toolbar>
          <h1>Board</h1>
          <Choices label="Cases" digits chosen={filter.id} onChoose={(id) => journey.stay({ filter: id })} choices={filters.map((one) => ({ id: one.id, words: one.words, count: rows.filter(one.fits).length }))} />
          {airports.length > 1 && (
            <Choices label="Airport" chosen={place.airport} onChoose={(airport) => journey.stay({ airport })} choices={[{ id: null, words: 'All airports' }, ...airports.map((code) => ({ id: code, words: code }))]} />
          )}
          <HeldBack count={order.heldBack} onShow={order.letIn} />
          <Search id="search" value={place.search} placeholder="Flight or airport" onChange={(search) => journey.stay({ search })} onLeave={() => frame.current?.focus()} />
        </Toolbar>
      }
      inspector={<CaseInspector urn={place.at} onOpen={open} />}
    >
      <Grid label="Cases by urgency" columns={columns} collection={floor.cases} ids={order.ids} at={place.at} frame={frame} name={nameOf} onAt={cursor.move} onOpen={open} empty={<Nothing any={rows.length > 0} read={read} />} />
    </Workspace>
  )
}

const matches = (row: CaseRow, needle: string): boolean => !needle || `${row.flightNumber} ${row.airport} ${row.destination} ${row.cause}`.toLowerCase().includes(needle)

const nameOf = (row: CaseRow): string => `${row.flightNumber}, ${row.airport} to ${row.destination}, ${count(row, 'PENDING')} waiting of ${row.subCasesTotal}`

function Nothing({ any, read }: { any: boolean; read: boolean }) {
  if (!read) return <>Nothing has been read yet. Cases appear as soon as the gateway answers.</>
  return (
    <div className={css.empty}>
      <h2>{any ? 'No case fits this filter' : 'No disruption'}</h2>
      {any ? 'Press 1 for every open case.' : 'A case appears here the moment the airline reports a cancelled flight.'}
    </div>
  )
}

function BoardFigures({ rows }: { rows: readonly CaseRow[] }) {
  const { floor } = useNexa()
  const live = useStore(floor.link.state).phase
  const open = rows.filter((row) => row.status !== 'CLOSED')
  const sum = (status: Parameters<typeof count>[1]): number => open.reduce((total, row) => total + count(row, status), 0)
  const oldest = open.flatMap((row) => row.oldestWaiting ?? []).sort()[0]
  const now = useNow()
  const late = oldest !== undefined && now - Date.parse(oldest) > 15 * 60_000
  return (
    <Figures
      stale={live === 'down'}
      figures={[
        { words: 'Open cases', value: open.length.toLocaleString('en') },
        { words: 'Parties', value: open.reduce((total, row) => total + row.subCasesTotal, 0).toLocaleString('en') },
        { words: 'Need a night', value: open.reduce((total, row) => total + row.needingNight, 0).toLocaleString('en') },
        { words: 'Waiting', value: sum('PENDING').toLocaleString('en') },
        { words: 'Requested', value: sum('PROCESSING').toLocaleString('en') },
        { words: 'Offer ready', value: sum('OFFER_READY').toLocaleString('en') },
        { words: 'Accepted', value: sum('RESOLVED').toLocaleString('en') },
        { words: 'Review', value: sum('MANUAL_REVIEW').toLocaleString('en'), tone: sum('MANUAL_REVIEW') > 0 ? 'review' : undefined },
        { words: 'Declined', value: sum('REJECTED_BY_PAX').toLocaleString('en'), tone: sum('REJECTED_BY_PAX') > 0 ? 'declined' : undefined },
        { words: 'Oldest wait', value: oldest ? elapsed(now - Date.parse(oldest)) : 'none', tone: late ? 'waiting' : undefined },
      ]}
    />
  )
}

function CaseInspector({ urn, onOpen }: { urn: string | null; onOpen(urn: string): void }) {
  const { floor } = useNexa()
  const row = useRow(floor.cases, urn)
  if (!row) {
    return (
      <Inspector label="Case">
        <Section title="Nothing chosen">
          <p className={css.soft}>Move with j and k. The case under the focus is shown here; Enter opens it.</p>
        </Section>
      </Inspector>
    )
  }
  return (
    <Inspector label="Case">
      <header>
        <h2>
          {row.flightNumber} {row.airport} to {row.destination}
        </h2>
        <p>Was due {dayAndHour(row.departs)}</p>
        <p>{causeWords(row.cause)}</p>
        <button type="button" className={css.open} onClick={() => onOpen(row.urn)}>
          Open case
        </button>
      </header>
      <Section title="Parties" aside={row.subCasesTotal.toLocaleString('en')}>
        {row.subCasesTotal > 0 ? <Breakdown row={row} /> : <p className={css.soft}>{manifestWords(row.manifestState)}</p>}
      </Section>
      <Section title="Facts">
        <Facts
          facts={[
            ['Need a night', row.needingNight.toLocaleString('en')],
            ['Oldest wait', row.oldestWaiting ? <Age since={row.oldestWaiting} /> : 'nobody waits'],
            ['Opened', <><Age since={row.openedAt} /> ago</>],
            ['Inside', row.operators.length > 0 ? <Inside names={row.operators} /> : 'nobody'],
            ['URN', <code className={css.code}>{row.urn}</code>],
          ]}
        />
      </Section>
    </Inspector>
  )
}

function Breakdown({ row }: { row: CaseRow }) {
  const counts = countsOf(row.counts)
  return (
    <>
      <Progress counts={counts} />
      <ul className={css.states} style={{ marginTop: 12 }}>
        {progressOrder
          .filter((status) => counts[status])
          .map((status) => (
            <li key={status} data-state={status}>
              <State status={status} />
              <i aria-hidden="true">
                <i style={{ width: `${(100 * counts[status]!) / row.subCasesTotal}%` }} />
              </i>
              <b>{counts[status]!.toLocaleString('en')}</b>
            </li>
          ))}
      </ul>
    </>
  )
}
