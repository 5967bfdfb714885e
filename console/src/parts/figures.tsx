import type { ReactNode } from 'react'
import css from './figures.module.css'

export interface Figure {
  words: string
  value: ReactNode
  /** Only the abnormal has a colour. */
  tone?: 'waiting' | 'review' | 'declined'
}

/** The numbers of this screen; their place never moves. */
export function Figures({ figures, stale }: { figures: readonly Figure[]; stale?: boolean }) {
  return (
    <dl className={css.figures} data-stale={stale || undefined}>
      {figures.map((figure) => (
        <div key={figure.words} data-tone={figure.tone}>
          <dt>{figure.words}</dt>
          <dd>{figure.value}</dd>
        </div>
      ))}
    </dl>
  )
}
