/** Times on screen: how long ago, counted by one clock for the whole page, and the hour where it happens. */
import { Store, useStore } from '../live/store'

const clock = new Store(Date.now())
let ticking: ReturnType<typeof setInterval> | undefined

/** Now, once a second, for whoever shows an age. */
export function useNow(): number {
  ticking ??= setInterval(() => clock.set(Date.now()), 1000)
  return useStore(clock)
}

/** `0:42`, `12:04`, `3h 07`, `2d 4h`. */
export function elapsed(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const two = (value: number): string => String(value).padStart(2, '0')
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}`
  return `${Math.floor(seconds / 86_400)}d ${Math.floor((seconds % 86_400) / 3600)}h`
}

export function Age({ since, warn }: { since: string; warn?: number }) {
  const age = useNow() - Date.parse(since)
  return (
    <time dateTime={since} title={utc(since)} data-late={warn !== undefined && age > warn ? 'yes' : undefined}>
      {elapsed(age)}
    </time>
  )
}

const eastern = 'America/New_York'
const zones: Record<string, string> = {
  JFK: eastern, LGA: eastern, EWR: eastern, BOS: eastern, DCA: eastern, IAD: eastern, PHL: eastern, MIA: eastern, MCO: eastern, ATL: eastern, DTW: eastern,
  ORD: 'America/Chicago', MDW: 'America/Chicago', DFW: 'America/Chicago', IAH: 'America/Chicago', MSP: 'America/Chicago', AUS: 'America/Chicago',
  DEN: 'America/Denver', SLC: 'America/Denver', PHX: 'America/Phoenix', LAX: 'America/Los_Angeles', SFO: 'America/Los_Angeles', SEA: 'America/Los_Angeles',
  LHR: 'Europe/London', CDG: 'Europe/Paris', FRA: 'Europe/Berlin', MAD: 'Europe/Madrid', GRU: 'America/Sao_Paulo', SCL: 'America/Santiago',
}

/** The hour at an airport, as `18:40`; in UTC with a Z where the zone is not known. */
export function hour(instant: string, airport?: string): string {
  const zone = airport ? zones[airport] : undefined
  const text = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: zone ?? 'UTC' }).format(new Date(instant))
  return zone ? text : `${text}Z`
}

/** The day and hour at an airport, as `9 Feb 07:30`. */
export function dayAndHour(instant: string, airport?: string): string {
  const zone = airport ? zones[airport] : undefined
  return `${new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: zone ?? 'UTC' }).format(new Date(instant))} ${hour(instant, airport)}`
}

/** A calendar day, as `8 Feb`. */
export const day = (date: string): string => new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(new Date(`${date}T00:00:00Z`))

export const utc = (instant: string): string => `${new Date(instant).toISOString().slice(0, 19).replace('T', ' ')} UTC`

/** The wall clock of this screen, as `14:02:11`. */
export const clockText = (milliseconds: number): string => new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }).format(milliseconds)
