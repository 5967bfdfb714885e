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

/** The clock where it happens: an instant keeps its airport's own offset, so it is read off; one without is in UTC and says so. */
export function hour(instant: string): string {
  const local = /T(\d\d:\d\d).*[+-]\d\d:\d\d$/.exec(instant)
  return local ? local[1]! : `${new Date(instant).toISOString().slice(11, 16)}Z`
}

/** The day and hour there, as `9 Feb 07:30`. */
export const dayAndHour = (instant: string): string => `${day(instant.slice(0, 10))} ${hour(instant)}`

/** A calendar day, as `8 Feb`. */
export const day = (date: string): string => new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(new Date(`${date}T00:00:00Z`))

export const utc = (instant: string): string => `${new Date(instant).toISOString().slice(0, 19).replace('T', ' ')} UTC`

/** The wall clock of this screen, as `14:02:11`. */
export const clockText = (milliseconds: number): string => new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }).format(milliseconds)
