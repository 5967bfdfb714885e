/** The states of a sub-case in an operator's words. *Requested* is never called *booked*: only events say that. */
import type { SubCaseStatus } from '../pages/board/board'
import { Icon } from '../ui/icon'
import css from './states.module.css'

export const stateWords: Record<SubCaseStatus, string> = {
  PENDING: 'Waiting',
  PROCESSING: 'Requested',
  OFFER_READY: 'Offer ready',
  RESOLVED: 'Accepted',
  REJECTED_BY_PAX: 'Declined',
  MANUAL_REVIEW: 'Review',
  LOCAL_RESIDENT: 'No night',
  CANCELLED: 'Cancelled',
}

/** The order of a progress bar: what is finished first, what burns next to what waits. */
export const progressOrder: readonly SubCaseStatus[] = ['RESOLVED', 'OFFER_READY', 'PROCESSING', 'MANUAL_REVIEW', 'REJECTED_BY_PAX', 'PENDING', 'LOCAL_RESIDENT', 'CANCELLED']

export function State({ status }: { status: SubCaseStatus }) {
  return (
    <span className={css.state} data-state={status}>
      <Icon name={status} size={14} />
      {stateWords[status]}
    </span>
  )
}

export type Counts = Partial<Record<SubCaseStatus, number>>

export const countsOf = (counts: ReadonlyArray<{ status: SubCaseStatus; count: number }>): Counts =>
  Object.fromEntries(counts.map(({ status, count }) => [status, count]))

/** How far a case is: one bar, a part per state, and the same in words for those who cannot see it. */
export function Progress({ counts }: { counts: Counts }) {
  const parts = progressOrder.flatMap((status) => (counts[status] ? [{ status, count: counts[status] }] : []))
  const words = parts.map(({ status, count }) => `${count} ${stateWords[status].toLowerCase()}`).join(', ')
  return (
    <span className={css.progress} role="img" aria-label={words} title={words}>
      {parts.map(({ status, count }) => (
        <i key={status} data-state={status} style={{ flexGrow: count }} />
      ))}
    </span>
  )
}
