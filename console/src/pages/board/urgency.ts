/** What burns first: a case with people waiting for a bed before one without, the longest wait first, closed ones last. */
import type { CaseRow } from './board'
import { count } from './columns'

const rank = (row: CaseRow): number => {
  if (row.status === 'CLOSED') return 4
  if (row.manifestState === 'UNREACHABLE') return 0
  if (count(row, 'MANUAL_REVIEW') + count(row, 'REJECTED_BY_PAX') > 0 || count(row, 'PENDING') > 0) return 1
  return count(row, 'PROCESSING') > 0 ? 2 : 3
}

export function byUrgency(one: CaseRow, other: CaseRow): number {
  return (
    rank(one) - rank(other) ||
    (one.oldestWaiting ?? '9').localeCompare(other.oldestWaiting ?? '9') ||
    count(other, 'MANUAL_REVIEW') - count(one, 'MANUAL_REVIEW') ||
    one.departs.localeCompare(other.departs) ||
    one.urn.localeCompare(other.urn)
  )
}
