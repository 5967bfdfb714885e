/** Who answers which key now. Parts bind actions in layers; the newest layer that knows a key has it, a modal one hides the rest. */
import { createContext, useContext, useEffect, useLayoutEffect, useRef } from 'react'
import { Store } from '../live/store'
import { type KeyId, type Shortcut, registry } from './registry'

export interface Action {
  run(): void
  /** Why it may not be done now; the key stays visible and says so. */
  why?: string | null
  /** What it does here, when that is more than the registry's words. */
  words?: string
}

export type Bindings = Partial<Record<KeyId, Action>>

interface Layer {
  bindings: Bindings
  modal: boolean
}

export interface Available {
  shortcut: Shortcut & { id: KeyId }
  action: Action
}

const patience = 1200 // ms between `g` and its second key
const lettersOff = 'nexa.letters-off'

export class Keyboard {
  /** What can be pressed now, in the registry's order. */
  readonly available = new Store<readonly Available[]>([])
  /** The last refusal, to be shown and spoken. */
  readonly refusal = new Store<{ words: string; why: string; at: number } | null>(null)
  readonly letters = new Store(globalThis.localStorage?.getItem(lettersOff) !== 'yes')
  private layers: Layer[] = []
  private prefix: { key: string; until: number } | null = null

  push(layer: Layer): () => void {
    this.layers = [...this.layers, layer]
    this.announce()
    return () => {
      this.layers = this.layers.filter((one) => one !== layer)
      this.announce()
    }
  }

  announce(): void {
    const next = registry.flatMap((shortcut) => {
      const action = this.find(shortcut.id)
      return action ? [{ shortcut, action }] : []
    })
    const before = this.available.get()
    const unchanged = next.length === before.length && next.every((one, place) => sameOffer(one, before[place]!))
    if (!unchanged) this.available.set(next)
  }

  press(id: KeyId): void {
    const action = this.find(id)
    if (!action) return
    if (action.why) this.refusal.set({ words: action.words ?? registry.find((one) => one.id === id)!.words, why: action.why, at: Date.now() })
    else {
      this.refusal.set(null)
      action.run()
    }
  }

  setLetters(on: boolean): void {
    localStorage.setItem(lettersOff, on ? 'no' : 'yes')
    this.letters.set(on)
  }

  readonly onKeyDown = (event: KeyboardEvent): void => {
    const chord = chordOf(event)
    if (!chord || event.defaultPrevented) return
    const id = this.idOf(chord, event)
    if (!id) return
    event.preventDefault()
    this.press(id)
  }

  private idOf(chord: string, event: KeyboardEvent): KeyId | undefined {
    if (inField(event.target) && !chord.includes('+') && chord !== 'Escape') return undefined
    if (isButton(event.target) && (chord === 'Enter' || chord === 'Space')) return undefined
    const plain = chord.length === 1
    if (plain && !this.letters.get() && chord !== '?') return undefined
    const prefix = this.prefix && this.prefix.until > Date.now() ? this.prefix.key : null
    this.prefix = null
    if (prefix) return this.bound(`${prefix} ${chord}`)
    if (registry.some((one) => one.keys.some((key) => key.startsWith(`${chord} `)))) {
      this.prefix = { key: chord, until: Date.now() + patience }
      event.preventDefault()
      return undefined
    }
    return this.bound(chord)
  }

  private bound(chord: string): KeyId | undefined {
    return registry.find((one) => (one.keys as readonly string[]).includes(chord) && this.find(one.id))?.id
  }

  private find(id: KeyId): Action | undefined {
    for (const layer of [...this.layers].reverse()) {
      const action = layer.bindings[id]
      if (action) return action
      if (layer.modal) return undefined
    }
    return undefined
  }
}

const sameOffer = (one: Available, other: Available): boolean =>
  one.shortcut === other.shortcut && one.action.why === other.action.why && one.action.words === other.action.words

function chordOf(event: KeyboardEvent): string | null {
  if (event.altKey || event.isComposing || ['Shift', 'Control', 'Meta', 'Alt'].includes(event.key)) return null
  const key = event.key === ' ' ? 'Space' : event.key
  const letter = /^[a-z]$/i.test(key)
  const shift = event.shiftKey && (letter || key.length > 1) ? 'Shift+' : ''
  const control = event.ctrlKey || event.metaKey
  const name = letter ? (control || event.shiftKey ? key.toUpperCase() : key.toLowerCase()) : key
  return `${control ? 'Ctrl+' : ''}${shift}${name}`
}

const inField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

const isButton = (target: EventTarget | null): boolean => target instanceof HTMLElement && /^(BUTTON|A|SUMMARY)$/.test(target.tagName)

export const KeyboardContext = createContext<Keyboard | null>(null)

export function useKeyboard(): Keyboard {
  const keyboard = useContext(KeyboardContext)
  if (!keyboard) throw new Error('There is no keyboard here.')
  return keyboard
}

/** Binds keys while the part is mounted. The newest render's actions answer. */
export function useKeys(bindings: Bindings, options: { modal?: boolean; off?: boolean } = {}): void {
  const keyboard = useKeyboard()
  const layer = useRef<Layer>({ bindings, modal: options.modal ?? false })
  useLayoutEffect(() => {
    layer.current.bindings = bindings
    keyboard.announce()
  })
  useEffect(() => (options.off ? undefined : keyboard.push(layer.current)), [keyboard, options.off])
}
