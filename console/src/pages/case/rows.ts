/** What the rows of a case mean: which picture is newer, which can be worked on, in what order they come. */
import { byVersion, same } from '../../live/collection'
import { lockOrder } from '../../live/floor'
import type { SubCaseRow, SubCaseStatus } from './case'

/** A lock changes hands without a new version of its sub-case, so each is as new as its own count says. */
export function mergeSubCase(old: SubCaseRow, fresh: SubCaseRow): SubCaseRow {
  const row = byVersion(old, fresh)
  const lock = lockOrder(fresh.lock) >= lockOrder(old.lock) ? fresh.lock : old.lock
  return same(row.lock, lock) ? row : { ...row, lock }
}

export interface Filter {
  id: string | null
  words: string
  fits(row: SubCaseRow): boolean
}

const inState = (...states: SubCaseStatus[]) => (row: SubCaseRow): boolean => states.includes(row.status)

export const filters: readonly Filter[] = [
  { id: null, words: 'All', fits: () => true },
  { id: 'waiting', words: 'Waiting', fits: inState('PENDING') },
  { id: 'requested', words: 'Requested', fits: inState('PROCESSING') },
  { id: 'ready', words: 'Offer ready', fits: inState('OFFER_READY') },
  { id: 'attention', words: 'Needs a person', fits: inState('MANUAL_REVIEW', 'REJECTED_BY_PAX') },
  { id: 'accepted', words: 'Accepted', fits: inState('RESOLVED') },
]

const rank: Record<SubCaseStatus, number> = {
  MANUAL_REVIEW: 0, REJECTED_BY_PAX: 1, PENDING: 2, PROCESSING: 3, OFFER_READY: 4, RESOLVED: 5, LOCAL_RESIDENT: 6, CANCELLED: 7,
}

/** Needs a person, waits, is under way, is done; inside each the longest wait first. */
export const byNeed = (one: SubCaseRow, other: SubCaseRow): number =>
  rank[one.status] - rank[other.status] || one.openedAt.localeCompare(other.openedAt) || one.urn.localeCompare(other.urn)

export const locatorOf = (row: SubCaseRow): string => row.pnr.split(':')[2] ?? row.pnr

export const nameOf = (row: SubCaseRow): string => row.leadName ?? locatorOf(row)

export const guestsOf = (row: SubCaseRow): number => row.guests.adults + row.guests.children + row.guests.infants

export const matches = (row: SubCaseRow, needle: string): boolean =>
  !needle || `${row.leadName ?? ''} ${locatorOf(row)} ${row.tier.replaceAll('_', ' ')} ${row.offer?.hotelName ?? ''}`.toLowerCase().includes(needle)

/** Why no voucher may be issued for it by me now; null when it may. The server decides again. */
export function whyNoVoucher(row: SubCaseRow, isMine: (lock: SubCaseRow['lock']) => boolean): string | null {
  if (!row.mayIssueVoucher.allowed) return row.mayIssueVoucher.why ?? 'It is not in a state for a voucher.'
  if (row.lock?.holder && !isMine(row.lock)) return `${row.lock.holderName ?? 'Somebody'} is working on it.`
  return null
}
