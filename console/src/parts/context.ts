import { createContext, useContext } from 'react'
import type { Floor } from '../live/floor'
import type { Journey } from '../paths'

/** What every part of the page may use: what is true (floor), and where we are (journey). */
export interface Nexa {
  floor: Floor
  journey: Journey
}

export const NexaContext = createContext<Nexa | null>(null)

export function useNexa(): Nexa {
  const nexa = useContext(NexaContext)
  if (!nexa) throw new Error('There is no floor here.')
  return nexa
}
