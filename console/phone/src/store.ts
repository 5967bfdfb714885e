/** What the page keeps on the phone: its session, the last copy of the trip, and an answer that has not been acknowledged yet. */
import type { OfferData } from './documents'

export type Trip = OfferData['myTrip']
export type Choice = 'accept' | 'decline'

export interface Copy {
  trip: Trip
  etag: string | null
  /** When the server last confirmed it, in ms. */
  asOf: number
}

export interface Answer {
  choice: Choice
  version: number
  /** When the server acknowledged it; null until then. */
  acknowledged: number | null
}

const names = { session: 'nexa.session', copy: 'nexa.trip', answer: 'nexa.answer' } as const

function read<Value>(name: string): Value | null {
  try {
    return JSON.parse(localStorage.getItem(name) ?? 'null') as Value | null
  } catch {
    return null // somebody else's words, or a phone that keeps nothing
  }
}

function write(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(name)
    else localStorage.setItem(name, JSON.stringify(value))
  } catch {
    // A phone that keeps nothing still shows everything while it is online.
  }
}

export const kept = {
  session: (): string | null => read<string>(names.session),
  copy: (): Copy | null => read<Copy>(names.copy),
  answer: (): Answer | null => read<Answer>(names.answer),
  keepSession: (session: string | null): void => write(names.session, session),
  keepCopy: (copy: Copy | null): void => write(names.copy, copy),
  keepAnswer: (answer: Answer | null): void => write(names.answer, answer),
}
