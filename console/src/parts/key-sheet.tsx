import { useEffect, useRef } from 'react'
import { useKeyboard, useKeys } from '../keys/keyboard'
import { registry } from '../keys/registry'
import { useStore } from '../live/store'
import { KeyCap } from '../ui/key-cap'
import css from './key-sheet.module.css'

const groups = ['Move', 'Work', 'View', 'Go'] as const

/** Every key there is; those that do nothing here are dimmed. Letters can be switched off for those who dictate. */
export function KeySheet({ onClose }: { onClose(): void }) {
  const keyboard = useKeyboard()
  const dialog = useRef<HTMLDialogElement>(null)
  const here = useRef(new Set(keyboard.available.get().map((one) => one.shortcut.id)))
  const letters = useStore(keyboard.letters)
  useEffect(() => dialog.current?.showModal?.(), [])
  useKeys({ back: { run: onClose, words: 'Close' }, keys: { run: onClose } }, { modal: true })
  const shown = registry.filter((one) => !one.id.startsWith('filter ') || one.id === 'filter 1')
  return (
    <dialog ref={dialog} className={css.sheet} aria-labelledby="keys" onClose={onClose} onClick={(event) => event.target === dialog.current && onClose()}>
      <h2 id="keys">Keys</h2>
      <div className={css.groups}>
        {groups.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <ul>
              {shown
                .filter((one) => one.group === group)
                .map((one) => (
                  <li key={one.id} data-here={here.current.has(one.id) || undefined}>
                    <span>{one.id === 'filter 1' ? 'Saved filters' : one.words}</span>
                    <KeyCap keys={one.id === 'filter 1' ? '1 to 9' : one.keys[0]} />
                  </li>
                ))}
            </ul>
          </section>
        ))}
      </div>
      <label>
        <input type="checkbox" checked={letters} onChange={(event) => keyboard.setLetters(event.target.checked)} />
        Single letters act. Switch off when you dictate.
      </label>
    </dialog>
  )
}
