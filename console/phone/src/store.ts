/** What the page keeps on the phone: its session, the last copy of the trip, an answer that has not been acknowledged yet, and the nonce of a sign-in under way. */
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

const names = { session: 'nexa.session', copy: 'nexa.trip', answer: 'nexa.answer', nonce: 'nexa.nonce' } as const

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

let unkept: string | null = null // for a phone that keeps nothing: at least as long as the page is open

export const kept = {
  /** The same for every try of one sign-in, so that an answer that was lost can be asked for again. */
  nonce: (): string => {
    unkept = read<string>(names.nonce) ?? unkept ?? madeUp()
    write(names.nonce, unkept)
    return unkept
  },
  forgetNonce: (): void => {
    unkept = null
    write(names.nonce, null)
  },
  session: (): string | null => read<string>(names.session),
  copy: (): Copy | null => read<Copy>(names.copy),
  answer: (): Answer | null => read<Answer>(names.answer),
  keepSession: (session: string | null): void => write(names.session, session),
  keepCopy: (copy: Copy | null): void => write(names.copy, copy),
  keepAnswer: (answer: Answer | null): void => write(names.answer, answer),
}

/** 128 random bits. `randomUUID` is missing where the page is not served by https. */
const madeUp = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
