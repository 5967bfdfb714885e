/** The whole console on a fake floor, for tests that work it as an operator does: by keys, looking at what is drawn. */
import { act } from 'react'
import { createRoot } from 'react-dom/client'
import { vi } from 'vitest'
import { Link } from '../src/api/link'
import { App } from '../src/app'
import { Keyboard, KeyboardContext } from '../src/keys/keyboard'
import { Floor } from '../src/live/floor'
import { NexaContext } from '../src/parts/context'
import { Journey } from '../src/paths'
import { LocalWire } from './local'
import { type Draft, flight, seeded } from './storm'
import { type Session, type SubCase, World } from './world'

export interface Theatre {
  world: World
  wire: LocalWire
  keyboard: Keyboard
  floor: Floor
  press(...keys: string[]): Promise<void>
  passes(milliseconds: number): Promise<void>
  text(selector?: string): string
  /** The row under the focus. */
  at(): string | null
  row(urn: string): string
  colleague: Session
  close(): Promise<void>
}

export interface Options {
  flights?: Draft[]
  address?: string
  fate?: number
}

export const parties = (count: number): Draft => flight(0, seeded(3), count)

/** Rows an operator can issue for: the fake deals out some that he cannot. */
export const workable = (world: World): SubCase[] => [...world.subCases.values()].filter((row) => row.status === 'PENDING' && !row.mixedTier && row.guests.adults > 0)

export async function theatre({ flights = [parties(20)], address = '/', fate = 0.5 }: Options = {}): Promise<Theatre> {
  history.replaceState(null, '', address)
  const world = new World(Date.now() - 600_000, () => fate)
  for (const one of flights) world.declare(one)
  world.advance(600_000)
  let wire: LocalWire | undefined
  const link = new Link((ears) => (wire = new LocalWire(world, ears)), () => 0.5)
  const floor = new Floor(link)
  const keyboard = new Keyboard()
  const place = document.body.appendChild(document.createElement('div'))
  const root = createRoot(place)
  const passes = (milliseconds: number): Promise<void> =>
    act(async () => {
      for (let passed = 0; passed < milliseconds; passed += 50) {
        world.advance(50)
        await vi.advanceTimersByTimeAsync(50)
      }
    })
  await act(async () => {
    floor.open()
    root.render(
      <NexaContext value={{ floor, journey: new Journey() }}>
        <KeyboardContext value={keyboard}>
          <App />
        </KeyboardContext>
      </NexaContext>,
    )
  })
  await passes(400)
  const colleague: Session = { id: 'colleague', operator: 'urn:operator:ada', name: 'Ada Rossi' }
  world.alive.add(colleague.id)
  return {
    world, wire: wire!, keyboard, floor, passes, colleague,
    press: async (...keys) => {
      for (const key of keys) {
        await act(async () => void (document.activeElement ?? document.body).dispatchEvent(keyEvent(key)))
        await passes(50)
      }
    },
    text: (selector = 'body') => [...document.querySelectorAll(selector)].map((one) => one.textContent).join(' | '),
    at: () => document.querySelector('[data-focused]')?.getAttribute('data-urn') ?? null,
    row: (urn) => document.querySelector(`[data-urn="${urn}"]`)?.textContent ?? '',
    close: async () => {
      await act(async () => root.unmount())
      link.close()
      place.remove()
    },
  }
}

function keyEvent(words: string): KeyboardEvent {
  const parts = words.split('+')
  const key = parts.at(-1)!
  const shiftKey = parts.includes('Shift')
  return new KeyboardEvent('keydown', { key: key === 'Space' ? ' ' : shiftKey || key.length > 1 ? key : key, shiftKey, ctrlKey: parts.includes('Ctrl'), bubbles: true, cancelable: true })
}
