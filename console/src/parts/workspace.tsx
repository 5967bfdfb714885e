import type { ReactNode } from 'react'
import { Icon } from '../ui/icon'
import css from './workspace.module.css'

/** The place of work: figures and toolbar above the grid, the inspector beside it. */
export function Workspace({ figures, toolbar, children, inspector }: { figures: ReactNode; toolbar: ReactNode; children: ReactNode; inspector: ReactNode }) {
  return (
    <div className={css.workspace}>
      <main className={css.work}>
        {figures}
        {toolbar}
        {children}
      </main>
      {inspector}
    </div>
  )
}

export function Toolbar({ children }: { children: ReactNode }) {
  return (
    <div className={css.toolbar} role="toolbar" aria-label="Filters">
      {children}
    </div>
  )
}

export interface Choice {
  id: string | null
  words: string
  count?: number
}

/** Saved filters; the digits choose them. */
export function Choices({ choices, chosen, onChoose, label, digits }: { choices: readonly Choice[]; chosen: string | null; onChoose(id: string | null): void; label: string; digits?: boolean }) {
  return (
    <div className={css.choices} role="group" aria-label={label}>
      {choices.map((choice, place) => (
        <button key={choice.words} type="button" aria-pressed={choice.id === chosen} onClick={() => onChoose(choice.id)} title={digits ? `${choice.words} (${place + 1})` : undefined}>
          {choice.words}
          {choice.count !== undefined && <span>{choice.count.toLocaleString('en')}</span>}
        </button>
      ))}
    </div>
  )
}

export function HeldBack({ count, onShow }: { count: number; onShow(): void }) {
  if (count === 0) return null
  return (
    <button type="button" className={css.heldBack} onClick={onShow}>
      {count.toLocaleString('en')} new <kbd>.</kbd>
    </button>
  )
}

/** Words the rows must contain. `/` comes here, Enter and Esc go back to the rows. */
export function Search({ value, onChange, onLeave, placeholder, id }: { value: string; onChange(value: string): void; onLeave(): void; placeholder: string; id: string }) {
  return (
    <label className={css.search}>
      <Icon name="search" size={14} />
      <span className="sr-only">{placeholder}</span>
      <input
        id={id}
        value={value}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' && event.key !== 'Escape') return
          event.preventDefault()
          event.stopPropagation()
          if (event.key === 'Escape' && value) onChange('')
          else onLeave()
        }}
      />
      {value ? (
        <button type="button" aria-label="Clear the search" onClick={() => onChange('')}>
          <Icon name="close" size={12} />
        </button>
      ) : (
        <kbd aria-hidden="true">/</kbd>
      )}
    </label>
  )
}

export function Inspector({ label, children }: { label: string; children: ReactNode }) {
  return (
    <aside className={css.inspector} aria-label={label} data-region="inspector" tabIndex={-1}>
      {children}
    </aside>
  )
}

export function Facts({ facts }: { facts: ReadonlyArray<readonly [string, ReactNode]> }) {
  return (
    <dl className={css.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

export function Section({ title, children, aside }: { title: string; children: ReactNode; aside?: ReactNode }) {
  return (
    <section className={css.section}>
      <h3>
        {title}
        {aside && <span>{aside}</span>}
      </h3>
      {children}
    </section>
  )
}
