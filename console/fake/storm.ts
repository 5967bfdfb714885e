/** A made-up afternoon at JFK, LGA and EWR, from a seed: flights, parties and hotels that look like the storm's. */
import type { SubCaseRow } from '../src/pages/case/case'

export type PartyDraft = Pick<
  SubCaseRow,
  'urn' | 'pnr' | 'tier' | 'mixedTier' | 'leadName' | 'guests' | 'rooms' | 'specialNeeds' | 'needsNight' | 'checkIn' | 'checkOut' | 'nights' | 'nextFlight' | 'reachable'
>

export interface Draft {
  urn: string
  flightNumber: string
  airport: string
  destination: string
  departs: string
  cause: string
  parties: PartyDraft[]
}

export const hotels = [
  { name: 'Harbor Point Inn', address: '144-10 135th Ave, Queens, NY 11436', phone: '+1 718 555 0142' },
  { name: 'Runway Lodge', address: '138-05 Cross Bay Blvd, Queens, NY 11417', phone: '+1 718 555 0177' },
  { name: 'The Meridian Jamaica', address: '90-20 Sutphin Blvd, Queens, NY 11435', phone: '+1 718 555 0119' },
  { name: 'Liberty Suites Newark', address: '20 Frontage Rd, Newark, NJ 07114', phone: '+1 973 555 0163' },
  { name: 'Flushing Garden Hotel', address: '37-10 Prince St, Queens, NY 11354', phone: '+1 718 555 0188' },
]
const families = ['Alvarez', 'Okafor', 'Nguyen', 'Kowalski', 'Haddad', 'Rossi', 'Tanaka', 'Murphy', 'Silva', 'Cohen', 'Andersen', 'Patel', 'Dubois', 'Kim', 'Novak', 'Osei', 'Garcia', 'Weber', 'Hughes', 'Lindqvist']
const given = ['Ana', 'Chidi', 'Linh', 'Marek', 'Noor', 'Paolo', 'Yuki', 'Sean', 'Beatriz', 'Ruth', 'Ingrid', 'Arjun', 'Claire', 'Min-jun', 'Petra', 'Kwame', 'Luis', 'Greta', 'Owen', 'Sofia']
const places = ['MCO', 'FLL', 'BOS', 'SJU', 'LAX', 'SFO', 'BUF', 'TPA', 'PBI', 'CHS', 'RDU', 'DEN', 'SEA', 'AUS', 'SYR', 'ROC', 'PWM', 'MSY', 'SLC', 'BTV']
const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** Mulberry32: small, seeded, good enough to deal out parties. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** An instant as New York's own clock shows it in winter. */
const newYork = (instant: number): string => `${new Date(instant - 5 * 3_600_000).toISOString().slice(0, 19)}-05:00`

export function flight(index: number, random: () => number, parties = 18 + Math.floor(random() * 60)): Draft {
  const airport = ['JFK', 'JFK', 'JFK', 'LGA', 'EWR'][Math.floor(random() * 5)]!
  const number = `B6${100 + index * 7 + Math.floor(random() * 5)}`
  const destination = places[index % places.length]!
  const departs = newYork(Date.parse('2026-02-08T17:00:00Z') + index * 11 * 60_000)
  const urn = `urn:case:c-${String(4100 + index)}`
  return {
    urn, flightNumber: number, airport, destination, departs, cause: random() < 0.8 ? 'WEATHER' : 'AIRPORT_CLOSED',
    parties: Array.from({ length: parties }, (_, place) => party(index, place, airport, destination, random)),
  }
}

function party(index: number, place: number, airport: string, destination: string, random: () => number): PartyDraft {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!
  const adults = random() < 0.02 ? 0 : random() < 0.45 ? 1 : random() < 0.85 ? 2 : 3
  const children = adults === 0 ? 1 : random() < 0.22 ? 1 + Math.floor(random() * 2) : 0
  const infants = adults > 0 && random() < 0.06 ? 1 : 0
  const tiers = random() < 0.82 ? 'ECONOMY' : random() < 0.6 ? 'PREMIUM_ECONOMY' : random() < 0.8 ? 'BUSINESS' : 'CREW'
  const needsNight = random() < 0.68
  const nights = needsNight ? (random() < 0.8 ? 1 : 2) : 0
  const locator = Array.from({ length: 6 }, () => letters[Math.floor(random() * letters.length)]).join('')
  return {
    urn: `urn:sub-case:s-${4100 + index}-${place}`, pnr: `urn:pnr:${locator}:vendor:custom_pss`, tier: tiers, mixedTier: random() < 0.02,
    leadName: `${pick(given)} ${pick(families)}`, guests: { adults, children, infants }, rooms: Math.max(1, Math.ceil(adults / 2), children),
    specialNeeds: random() < 0.04 ? ['wheelchair'] : [], needsNight, checkIn: needsNight ? '2026-02-08' : null,
    checkOut: needsNight ? `2026-02-${String(8 + nights).padStart(2, '0')}` : null, nights,
    nextFlight: { flightNumber: `B6${200 + index}`, departs: newYork(Date.parse('2026-02-09T12:30:00Z') + nights * 3_600_000), origin: airport, destination },
    reachable: random() > 0.03,
  }
}
