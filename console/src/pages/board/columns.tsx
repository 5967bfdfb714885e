import { Progress, countsOf } from '../../parts/states'
import { Age, hour } from '../../ui/time'
import type { Column } from '../../ui/grid'
import type { CaseRow } from './board'
import css from './board.module.css'

const longWait = 15 * 60_000 // ms; a voucher is promised within the first quarter of an hour

const causes: Record<string, string> = { WEATHER: 'Weather', AIRPORT_CLOSED: 'Airport closed' }

/** A partner's code as words, `CREW_DUTY` → `Crew duty`; what is in words already is left alone. */
export function causeWords(cause: string): string {
  if (!/^[A-Z_]+$/.test(cause)) return cause
  return causes[cause] ?? cause.charAt(0) + cause.slice(1).toLowerCase().replaceAll('_', ' ')
}

export const count = (row: CaseRow, status: CaseRow['counts'][number]['status']): number => row.counts.find((one) => one.status === status)?.count ?? 0

const number = (value: number, tone?: string) => (value === 0 ? <span className={css.zero}>0</span> : <b className={css.tone} data-tone={tone}>{value.toLocaleString('en')}</b>)

export const columns: ReadonlyArray<Column<CaseRow>> = [
  { id: 'flight', head: 'Flight', track: '82px', cell: (row) => <b className={css.code}>{row.flightNumber}</b> },
  {
    id: 'route',
    head: 'Route',
    track: '96px',
    cell: (row) => (
      <span className={css.code}>
        {row.airport} <i>to</i> {row.destination}
      </span>
    ),
  },
  { id: 'departs', head: 'Departed', track: '64px', cell: (row) => <time dateTime={row.departs}>{hour(row.departs)}</time> },
  { id: 'cause', head: 'Cause', track: 'minmax(96px, 1fr)', from: 1200, cell: (row) => <span className={css.soft} title={causeWords(row.cause)}>{causeWords(row.cause)}</span> },
  { id: 'progress', head: 'Progress', track: 'minmax(160px, 3fr)', cell: (row) => (row.subCasesTotal > 0 ? <Progress counts={countsOf(row.counts)} /> : <span className={css.soft}>{manifestWords(row.manifestState)}</span>) },
  { id: 'parties', head: 'Parties', track: '58px', from: 960, align: 'end', cell: (row) => row.subCasesTotal.toLocaleString('en') },
  { id: 'waiting', head: 'Waiting', track: '58px', align: 'end', cell: (row) => number(count(row, 'PENDING')) },
  { id: 'requested', head: 'Requested', track: '70px', from: 1100, align: 'end', cell: (row) => number(count(row, 'PROCESSING')) },
  { id: 'ready', head: 'Ready', track: '48px', from: 1040, align: 'end', cell: (row) => number(count(row, 'OFFER_READY')) },
  { id: 'review', head: 'Review', track: '52px', align: 'end', cell: (row) => number(count(row, 'MANUAL_REVIEW'), 'review') },
  { id: 'declined', head: 'Declined', track: '58px', align: 'end', cell: (row) => number(count(row, 'REJECTED_BY_PAX'), 'declined') },
  { id: 'oldest', head: 'Oldest wait', track: '80px', align: 'end', cell: (row) => (row.oldestWaiting ? <Age since={row.oldestWaiting} warn={longWait} /> : <span className={css.zero}>none</span>) },
  { id: 'inside', head: 'Inside', track: 'minmax(96px, 1fr)', cell: (row) => <Inside names={row.operators} /> },
]

export function manifestWords(state: string): string {
  return { AWAITED: 'Waiting for the manifest', EMPTY: 'The manifest is empty', UNREACHABLE: 'The manifest cannot be reached' }[state] ?? 'No parties'
}

/** Who works inside: short names, so that two of them fit. */
export function Inside({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null
  return (
    <span className={css.inside} title={names.join(', ')}>
      {names.slice(0, 2).map((name) => (
        <span key={name}>{shortName(name)}</span>
      ))}
      {names.length > 2 && <span>+{names.length - 2}</span>}
    </span>
  )
}

/** `Ada Rossi` → `A. Rossi`. */
export function shortName(name: string): string {
  const words = name.trim().split(/\s+/)
  return words.length > 1 ? `${words[0]!.charAt(0)}. ${words.at(-1)}` : name
}
