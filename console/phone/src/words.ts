/** Times, money and stays in words. An instant keeps its airport's own offset, so its clock is read off, never converted. */
const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** `Monday 9 February`. */
export function day(date: string): string {
  const [year, month, of] = date.slice(0, 10).split('-').map(Number) as [number, number, number]
  return `${days[new Date(Date.UTC(year, month - 1, of)).getUTCDay()]} ${of} ${months[month - 1]}`
}

/** `Monday 9 February, 08:30`, as the airport's clock shows it. */
export const dayAndTime = (instant: string): string => `${day(instant)}, ${instant.slice(11, 16)}${instant.endsWith('Z') ? ' UTC' : ''}`

/** `Sun 8 Feb to Mon 9 Feb, 1 night`. */
export function nights(from: string, to: string): string {
  const short = (date: string): string => day(date).replaceAll(/[A-Z][a-z]{3,}/g, (word) => word.slice(0, 3))
  const count = Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000)
  return `${short(from)} to ${short(to)}, ${count} ${count === 1 ? 'night' : 'nights'}`
}

const boards: Record<string, string> = { RO: 'Not included', BB: 'Breakfast', HB: 'Breakfast and dinner', FB: 'All meals', AI: 'All inclusive' }

/** The trade's two letters for what is eaten where, in words. */
export const meals = (board: string): string => boards[board] ?? board

export const money = ({ amount, currency }: { amount: string; currency: string }): string => new Intl.NumberFormat('en', { style: 'currency', currency }).format(Number(amount))

/** The phone's own clock, `18:40`. */
export const clock = (milliseconds: number): string => new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }).format(milliseconds)
