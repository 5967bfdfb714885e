import { useEffect, useState } from 'react'
import { type Available, useKeyboard } from '../keys/keyboard'
import { useStore } from '../live/store'
import { KeyCap } from '../ui/key-cap'
import css from './key-bar.module.css'

const shownFor = 5000 // ms a refusal stays at the end of the bar

/** What the keys do here and now; a refused one stays, says why, and can still be reached. */
export function KeyBar() {
  const keyboard = useKeyboard()
  const available = useStore(keyboard.available)
  const shown = available.filter((one) => one.shortcut.bar)
  return (
    <footer className={css.bar} data-region="keys" tabIndex={-1} aria-label="Keys">
      {shown.map((one) => (
        <Key key={one.shortcut.id} {...one} onPress={() => keyboard.press(one.shortcut.id)} />
      ))}
      <Refusal />
    </footer>
  )
}

function Key({ shortcut, action, onPress }: Available & { onPress(): void }) {
  return (
    <button type="button" className={css.key} aria-disabled={action.why ? true : undefined} title={action.why ?? undefined} onClick={onPress} data-key={shortcut.id}>
      <KeyCap keys={shortcut.keys[0]} />
      <span>{action.words ?? shortcut.words}</span>
      {action.why && <span className="sr-only">: {action.why}</span>}
    </button>
  )
}

function Refusal() {
  const refusal = useStore(useKeyboard().refusal)
  const [shown, show] = useState(refusal)
  useEffect(() => {
    show(refusal)
    if (!refusal) return
    const timer = setTimeout(() => show(null), shownFor)
    return () => clearTimeout(timer)
  }, [refusal])
  return (
    <span className={css.refusal} role="alert">
      {shown && `${shown.words}: ${shown.why}`}
    </span>
  )
}
