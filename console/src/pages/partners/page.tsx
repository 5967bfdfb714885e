import { useEffect, useMemo, useRef } from 'react'
import { useKeys } from '../../keys/keyboard'
import { Collection, useRow, useRows } from '../../live/collection'
import { useCursor } from '../../live/cursor'
import { Feed } from '../../live/feed'
import { useOrder } from '../../live/order'
import { useNexa } from '../../parts/context'
import { useEngaged } from '../../parts/engaged'
import { Figures } from '../../parts/figures'
import { gridKeys } from '../../parts/grid-keys'
import { StopForm } from '../../parts/stop-form'
import { Choices, Facts, HeldBack, Inspector, Search, Section, Toolbar, Workspace } from '../../parts/workspace'
import type { Place } from '../../paths'
import { type Column, Grid } from '../../ui/grid'
import { Icon } from '../../ui/icon'
import { Age, elapsed, useNow } from '../../ui/time'
import { type PartnerHealthData, type PartnerRow, partnerHealth } from './partners'
import css from './partners.module.css'

const words = { CLOSED: 'In use', OPEN: 'Left alone', PROBING: 'Being tried' } as const
const icons = { CLOSED: 'check', OPEN: 'close', PROBING: 'PROCESSING' } as const

const columns: ReadonlyArray<Column<PartnerRow>> = [
  { id: 'partner', head: 'Partner', track: 'minmax(120px, .9fr)', cell: (row) => <b className={css.name}>{row.vendor}</b> },
  { id: 'purpose', head: 'For', track: 'minmax(110px, .8fr)', cell: (row) => <span className={css.soft}>{row.purpose}</span> },
  { id: 'breaker', head: 'State', track: 'minmax(150px, 1fr)', cell: (row) => <Breaker row={row} /> },
  { id: 'rate', head: 'Used of allowed', track: 'minmax(120px, 1.2fr)', cell: (row) => <Rate row={row} /> },
  { id: 'used', head: 'Per second', track: '96px', align: 'end', cell: (row) => `${number(row.used)} of ${number(row.limit)}` },
  { id: 'wait', head: 'Wait', track: '64px', align: 'end', cell: (row) => `${row.queueWait} ms` },
  { id: 'failed', head: 'Failed', track: '56px', align: 'end', cell: (row) => <Count value={row.failed} /> },
  { id: 'throttled', head: '429s', track: '48px', align: 'end', cell: (row) => <Count value={row.throttled} /> },
  { id: 'good', head: 'Last good call', track: '96px', align: 'end', cell: (row) => (row.lastGoodAt ? <Age since={row.lastGoodAt} /> : <span className={css.none}>none</span>) },
]

const number = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 1 })

const Count = ({ value }: { value: number }) => <span className={value > 0 ? css.bad : css.none}>{value}</span>

/** Shape and word say the state, colour only repeats it. */
function Breaker({ row }: { row: PartnerRow }) {
  const now = useNow()
  const left = (at: string): string => elapsed(Date.parse(at) - now)
  const paused = row.breaker === 'CLOSED' && row.pausedUntil !== null
  return (
    <span className={css.breaker} data-state={row.breaker} data-paused={paused || undefined}>
      <Icon name={paused ? 'PENDING' : icons[row.breaker]} size={14} />
      {paused ? 'Paused' : words[row.breaker]}
      {row.openUntil && <> for {left(row.openUntil)}</>}
      {paused && row.pausedUntil && <> for {left(row.pausedUntil)}</>}
    </span>
  )
}

function Rate({ row }: { row: PartnerRow }) {
  const share = (value: number): string => `${Math.min(100, (100 * value) / row.limit)}%`
  return (
    <span className={css.rate} role="img" aria-label={`${number(row.used)} calls a second used, the pace is ${number(row.pace)} of ${number(row.limit)} allowed`}>
      <i data-part="pace" style={{ width: share(row.pace) }} />
      <i data-part="used" style={{ width: share(row.used) }} />
    </span>
  )
}

function usePartners(): Collection<PartnerRow> {
  const { floor } = useNexa()
  const rows = useMemo(() => new Collection<PartnerRow>(), [])
  useEffect(() => {
    const feed = new Feed<PartnerHealthData, PartnerHealthData['partnerHealth']>(floor.link, partnerHealth as never, {}, (data) => data.partnerHealth, (batch) => rows.take(batch.items, batch.snapshot))
    return () => feed.close()
  }, [floor, rows])
  return rows
}

const troubled = (row: PartnerRow): boolean => row.breaker !== 'CLOSED' || row.pausedUntil !== null || row.throttled > 0 || row.failed > 0

/** Whom we may call, how fast, and how that goes; live over every process that calls. */
export function PartnersPage({ place }: { place: Place }) {
  const { journey } = useNexa()
  const frame = useRef<HTMLDivElement>(null)
  const rows = usePartners()
  const all = useRows(rows)
  const needle = place.search.trim().toLowerCase()
  const engaged = useEngaged(frame, place.at !== null)
  const fits = (row: PartnerRow): boolean => `${row.vendor} ${row.purpose}`.toLowerCase().includes(needle) && (place.filter !== 'trouble' || troubled(row))
  const order = useOrder(rows, { key: `${place.filter}|${needle}`, fits, compare: byTrouble, still: engaged })
  const cursor = useCursor(order.ids, place.at, (at) => journey.stay({ at }))
  const choices = [{ id: null, words: 'All', count: all.length }, { id: 'trouble', words: 'In trouble', count: all.filter(troubled).length }]
  useKeys({
    ...gridKeys({ cursor, order, frame, searchId: 'search' }),
    ...Object.fromEntries(choices.map((choice, index) => [`filter ${index + 1}`, { run: () => journey.stay({ filter: choice.id }) }])),
    back: { run: () => (place.at ? journey.stay({ at: null }) : journey.home()), words: place.at ? 'Let go' : 'Board' },
  })
  const alone = all.filter((row) => row.breaker !== 'CLOSED').length
  const throttled = all.reduce((total, row) => total + row.throttled, 0)
  return (
    <Workspace
      figures={
        <Figures
          figures={[
            { words: 'Partners', value: all.length },
            { words: 'Left alone', value: alone, ...(alone > 0 ? { tone: 'review' as const } : {}) },
            { words: 'Calls a second', value: number(all.reduce((total, row) => total + row.used, 0)) },
            { words: '429s in 30 s', value: throttled, ...(throttled > 0 ? { tone: 'waiting' as const } : {}) },
          ]}
        />
      }
      toolbar={
        <Toolbar>
          <h1>Partners</h1>
          <Choices label="Show" digits chosen={place.filter} onChoose={(filter) => journey.stay({ filter })} choices={choices} />
          <HeldBack count={order.heldBack} onShow={order.letIn} />
          <Search id="search" value={place.search} placeholder="Partner" onChange={(search) => journey.stay({ search })} onLeave={() => frame.current?.focus()} />
        </Toolbar>
      }
      inspector={<PartnerInspector rows={rows} urn={place.at} />}
    >
      <Grid label="Partners" columns={columns} collection={rows} ids={order.ids} at={place.at} frame={frame} name={(row) => `${row.vendor}, ${words[row.breaker]}`} onAt={cursor.move} empty="No partner fits." />
    </Workspace>
  )
}

const rank = { OPEN: 0, PROBING: 1, CLOSED: 2 } as const

/** Trouble first, then by name. */
const byTrouble = (one: PartnerRow, other: PartnerRow): number =>
  rank[one.breaker] - rank[other.breaker] || Number(troubled(other)) - Number(troubled(one)) || one.vendor.localeCompare(other.vendor)

function PartnerInspector({ rows, urn }: { rows: Collection<PartnerRow>; urn: string | null }) {
  const row = useRow(rows, urn)
  return (
    <Inspector label="Partner">
      {row ? (
        <>
          <header>
            <h2>{row.vendor}</h2>
            <p>{row.purpose}</p>
          </header>
          <Section title="State">
            <Breaker row={row} />
            <div style={{ height: 10 }} />
            <Facts
              facts={[
                ['Opened', row.openedAt ? <><Age since={row.openedAt} /> ago</> : 'closed'],
                ['Last good call', row.lastGoodAt ? <><Age since={row.lastGoodAt} /> ago</> : 'none'],
              ]}
            />
          </Section>
          <Section title="Calls a second">
            <Rate row={row} />
            <div style={{ height: 10 }} />
            <Facts
              facts={[
                ['Used', number(row.used)],
                ['Pace', `${number(row.pace)}, as it has borne`],
                ['Allowed', row.limitByHand ? `${number(row.limit)}, set by hand` : number(row.limit)],
                ['Wait for a turn', `${row.queueWait} ms`],
                ['Processes', row.processes],
              ]}
            />
          </Section>
          <Section title="The last thirty seconds">
            <Facts
              facts={[
                ['Calls', row.calls],
                ['Failed', row.failed],
                ['Slow', row.slow],
                ['Throttled', row.throttled],
              ]}
            />
          </Section>
        </>
      ) : (
        <Section title="Nothing chosen">
          <p className={css.soft}>A partner that fails is left alone by every process, and tried again by a look-up; nobody has to do anything.</p>
        </Section>
      )}
      <StopForm key={row?.vendor ?? ''} partner={row?.vendor ?? null} />
    </Inspector>
  )
}
