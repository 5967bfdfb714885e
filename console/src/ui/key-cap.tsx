import css from './key-cap.module.css'

const glyphs: Record<string, string> = { Escape: 'Esc', ArrowDown: '↓', ArrowUp: '↑', PageDown: 'PgDn', PageUp: 'PgUp' }

/** A key as it is printed on a keyboard; a chord or a sequence as several. */
export function KeyCap({ keys }: { keys: string }) {
  return (
    <span className={css.caps}>
      {keys.split(/[+ ]/).map((key, place) => (
        <kbd key={place}>{glyphs[key] ?? key}</kbd>
      ))}
    </span>
  )
}
