import { State } from '../../parts/states'
import type { Floor } from '../../live/floor'
import type { Column } from '../../ui/grid'
import { Icon } from '../../ui/icon'
import { Age, dayAndHour, elapsed, useNow } from '../../ui/time'
import { type Store, useStore } from '../../live/store'
import { shortName } from '../board/columns'
import type { SubCaseRow, Turn } from './case'
import type { Desk } from './desk'
import { guestsOf, locatorOf, nameOf } from './rows'
import css from './case.module.css'

export const tierWords: Record<SubCaseRow['tier'], string> = { ECONOMY: 'Economy', PREMIUM_ECONOMY: 'Premium', BUSINESS: 'Business', FIRST: 'First', CREW: 'Crew' }

export function columnsFor(floor: Floor, desk: Desk, turns: Store<ReadonlyMap<string, Turn>>): ReadonlyArray<Column<SubCaseRow>> {
  return [
    { id: 'state', head: 'State', track: '118px', cell: (row) => <State status={row.status} /> },
    { id: 'party', head: 'Party', track: 'minmax(120px, 1.2fr)', cell: (row) => <PartyCell row={row} /> },
    { id: 'pnr', head: 'PNR', track: '64px', cell: (row) => <span className={css.code}>{locatorOf(row)}</span> },
    { id: 'tier', head: 'Tier', track: '74px', from: 1150, cell: (row) => <span className={css.soft}>{row.mixedTier ? 'Mixed' : tierWords[row.tier]}</span> },
    { id: 'guests', head: 'Guests', track: '56px', align: 'end', cell: (row) => <span title={guestWords(row)}>{guestsOf(row)}</span> },
    { id: 'rooms', head: 'Rooms', track: '48px', align: 'end', cell: (row) => (row.needsNight ? row.rooms : <i className={css.none}>none</i>) },
    { id: 'nights', head: 'Nights', track: '48px', from: 1080, align: 'end', cell: (row) => (row.needsNight ? row.nights : <i className={css.none}>none</i>) },
    { id: 'next', head: 'Next flight', track: '142px', from: 930, cell: (row) => <NextCell row={row} /> },
    { id: 'hotel', head: 'Hotel', track: 'minmax(100px, 1.3fr)', cell: (row) => <HotelCell row={row} /> },
    { id: 'turn', head: 'Turn', track: '112px', from: 1150, cell: (row) => <TurnCell row={row} turns={turns} /> },
    { id: 'lock', head: 'Lock', track: '148px', cell: (row) => <LockCell row={row} floor={floor} desk={desk} /> },
    { id: 'age', head: 'In state', track: '62px', align: 'end', cell: (row) => <span className={css.soft}><Age since={row.changedAt} /></span> },
  ]
}

export function guestWords({ guests }: SubCaseRow): string {
  const part = (count: number, one: string, many: string): string[] => (count > 0 ? [`${count} ${count === 1 ? one : many}`] : [])
  return [...part(guests.adults, 'adult', 'adults'), ...part(guests.children, 'child', 'children'), ...part(guests.infants, 'infant', 'infants')].join(', ')
}

function PartyCell({ row }: { row: SubCaseRow }) {
  return (
    <span className={css.party}>
      <b>{nameOf(row)}</b>
      {row.guests.children + row.guests.infants > 0 && <Icon name="child" size={14} title={guestWords(row)} />}
      {row.specialNeeds.length > 0 && <Icon name="assist" size={14} title={row.specialNeeds.join(', ')} />}
      {!row.reachable && <Icon name="silent" size={14} title="No phone number and no address" />}
    </span>
  )
}

function NextCell({ row }: { row: SubCaseRow }) {
  if (!row.nextFlight) return <i className={css.none}>not seated yet</i>
  return (
    <span>
      <span className={css.code}>{row.nextFlight.flightNumber}</span> <span className={css.soft}>{dayAndHour(row.nextFlight.departs)}</span>
    </span>
  )
}

function HotelCell({ row }: { row: SubCaseRow }) {
  if (row.offer) return <span>{row.offer.hotelName}</span>
  return row.reason ? <span className={css.reason}>{row.reason}</span> : null
}

/** The place in its source's queue and how long that is about; where nobody can tell, a dash that says why. */
function TurnCell({ row, turns }: { row: SubCaseRow; turns: Store<ReadonlyMap<string, Turn>> }) {
  const turn = useStore(turns).get(row.urn)
  const now = useNow()
  if (row.status !== 'PROCESSING' || !turn) return null
  if (turn.place === null) return <i className={css.none} title={turn.why ?? undefined}>{turn.why?.startsWith('Bookings are stopped') ? 'stopped' : 'not known'}</i>
  const left = turn.expectedAt ? `in ${elapsed(Math.max(0, Date.parse(turn.expectedAt) - now))}` : null
  return (
    <span title={turn.why ?? `Place ${turn.place} at ${turn.source}`}>
      <b>{turn.place.toLocaleString('en')}</b> <span className={css.soft}>{left ?? turn.source}</span>
    </span>
  )
}

/** Three looks: a ring while I only look at it, a chip with a name when it is somebody else's, filled when it is mine. */
function LockCell({ row, floor, desk }: { row: SubCaseRow; floor: Floor; desk: Desk }) {
  useStore(floor.viewer)
  const claiming = useStore(desk.claiming).has(row.urn)
  const note = useStore(desk.notes).get(row.urn)
  if (note) return <span className={css.note} title={note.words}>{note.words}</span>
  if (claiming) return <span className={css.lock} data-look="claiming">Claiming</span>
  const { lock } = row
  if (!lock?.holder) return <span className={css.viewing} aria-hidden="true" />
  const mine = floor.isMine(lock)
  return (
    <span className={css.lock} data-look={mine ? 'mine' : 'other'} title={mine ? 'You hold the lock' : `Locked by ${lock.holderName}`}>
      <Icon name="lock" size={11} />
      <span>{mine ? 'You' : shortName(lock.holderName ?? 'Somebody')}</span>
      {lock.since && <Age since={lock.since} />}
    </span>
  )
}
