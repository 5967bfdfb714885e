/**
 * One airline's world, as strict as the server: versions, fences, locks, idempotency keys and typed refusals. Time stands still
 * until `advance`, so a test can say what has happened by when; the development server advances it with the wall clock.
 */
import type { CaseRow, SubCaseStatus } from '../src/pages/board/board'
import type { Attempt, CaseReview, LockState, SubCaseRow, TimelineLine, Turn, VoucherTarget } from '../src/pages/case/case'
import type { HoldRow } from '../src/pages/hotels/hotels'
import type { PartnerRow } from '../src/pages/partners/partners'
import type { ResolveReviewInput, ReviewRow } from '../src/pages/reviews/reviews'
import type { ResumeLineInput, StopLineInput, StopRow } from '../src/parts/lines'
import type { AlertLine } from '../src/parts/shell'
import { type Draft, hotels } from './storm.ts'
import { Topics } from './topics.ts'

export interface Session {
  id: string
  operator: string
  name: string
}

export interface SubCase extends SubCaseRow {
  timeline: TimelineLine[]
  roomOperations: Attempt[]
  cardOperations: Attempt[]
  messageOperations: Attempt[]
}

export interface Refusal {
  urn: string
  code: string
  message: string
}

const purposes: Record<string, string> = { custom: 'manifests', hotelbeds: 'hotel rooms', pomelo: 'prepaid cards', twilio: 'short texts' }

export class World {
  readonly cases = new Map<string, CaseRow>()
  readonly subCases = new Map<string, SubCase>()
  readonly reviews = new Map<string, ReviewRow>()
  readonly holds = new Map<string, HoldRow>()
  readonly partners = new Map<string, PartnerRow>()
  readonly stops = new Map<string, StopRow & { by: string }>()
  readonly alerts: AlertLine[] = []
  readonly topics = new Topics('e1')
  readonly alive = new Set<string>()
  private readonly answered = new Map<string, { requested: string[]; refused: Refusal[] }>()
  private readonly due: Array<{ at: number; act: () => void }> = []
  private serial = 0

  /** `fate` decides what the partners and passengers do, in 0..1 per sub-case; a test gives a constant. */
  constructor(private time = Date.parse('2026-02-08T17:00:00Z'), private readonly fate: () => number = () => 0.5) {
    for (const vendor of Object.keys(purposes)) this.partner(vendor)
  }

  now(): string {
    return new Date(this.time).toISOString()
  }

  /** Lets time pass: what is due happens in order, then the feed tells. */
  advance(milliseconds: number): void {
    const until = this.time + milliseconds
    for (;;) {
      this.due.sort((a, b) => a.at - b.at)
      const next = this.due[0]
      if (!next || next.at > until) break
      this.due.shift()
      this.time = Math.max(this.time, next.at)
      next.act()
    }
    this.time = until
    this.topics.flush()
  }

  later(milliseconds: number, act: () => void): void {
    this.due.push({ at: this.time + milliseconds, act })
  }

  /** How a partner is from now on; what is left out stays as it was. */
  partner(vendor: string, over: Partial<PartnerRow> = {}): void {
    const urn = `urn:partner:${vendor}`
    const base: PartnerRow = this.partners.get(urn) ?? {
      urn, version: 0, vendor, purpose: purposes[vendor] ?? 'things', breaker: 'CLOSED', openUntil: null, openedAt: null, pausedUntil: null, limit: 50,
      limitByHand: false, pace: 50, used: 0, queueWait: 0, calls: 0, failed: 0, slow: 0, throttled: 0, lastGoodAt: null, processes: 1,
    }
    this.partners.set(urn, { ...base, ...over, version: base.version + 1 })
    this.topics.publish('partners', urn)
    this.topics.flush()
  }

  // Who waits

  /** One source, first come first served, a room in two seconds; a stop has no places. */
  queue(urn: string): Turn[] {
    const waiting = [...this.subCases.values()].filter((one) => one.status === 'PROCESSING')
    const stop = this.stopped().find((one) => one.line === 'BOOKINGS')
    return [...this.subCases.values()]
      .filter((one) => one.case === urn && one.needsNight && (one.status === 'PENDING' || one.status === 'PROCESSING'))
      .map((one) => {
        const turn = { subCase: one.urn, source: null, place: null, expectedAt: null, why: 'No voucher was issued yet.' }
        if (one.status === 'PENDING') return turn
        if (stop) return { ...turn, source: 'hotelbeds', why: `Bookings are stopped: ${stop.reason}` }
        const place = waiting.indexOf(one) + 1
        return { ...turn, source: 'hotelbeds', place, expectedAt: new Date(this.time + place * 2000).toISOString(), why: null }
      })
  }

  // Stopped lines

  stopped(): StopRow[] {
    return [...this.stops.values()].filter((one) => !one.resumedAt)
  }

  /** Stopping what is stopped in the same bounds changes nothing. */
  stop(input: StopLineInput, session: Session): StopRow {
    if (!input.reason.trim()) throw new Error('A reason is needed.')
    const [partner, airport] = [input.partner ?? null, input.airport ?? null]
    const known = this.stopped().find((one) => one.line === input.line && one.partner === partner && one.airport === airport)
    if (known) return known
    this.serial += 1
    const made = { urn: `urn:stop:p-${this.serial}`, version: 1, line: input.line, partner, airport, reason: input.reason.trim(), by: session.operator, at: this.now(), resumedAt: null, waiting: 0 }
    this.stops.set(made.urn, made)
    this.topics.publish('stops', made.urn)
    return made
  }

  resume(input: ResumeLineInput): StopRow | Refusal {
    const known = this.stops.get(input.stop)
    if (!known) return { urn: input.stop, code: 'NOT_FOUND', message: 'There is no such stop.' }
    if (!input.reason.trim()) throw new Error('A reason is needed.')
    const over = known.resumedAt ? known : { ...known, version: known.version + 1, resumedAt: this.now() }
    this.stops.set(over.urn, over)
    this.topics.publish('stops', over.urn)
    return over
  }

  // What happens to the airline

  declare(draft: Draft): CaseRow {
    const opened: CaseRow = {
      urn: draft.urn, version: 1, flightNumber: draft.flightNumber, airport: draft.airport, destination: draft.destination, departs: draft.departs,
      cause: draft.cause, status: 'OPEN', manifestState: 'PROVISIONED', openedAt: this.now(), counts: [], subCasesTotal: 0, needingNight: 0,
      oldestWaiting: null, operators: [],
    }
    this.cases.set(opened.urn, opened)
    for (const party of draft.parties) {
      const { urn, ...rest } = party
      const row: SubCase = {
        ...rest, urn, version: 1, case: draft.urn, airport: draft.airport, status: party.needsNight ? 'PENDING' : 'LOCAL_RESIDENT', reason: null,
        openedAt: this.now(), changedAt: this.now(), offer: null, lock: null, mayIssueVoucher: { allowed: true, why: null }, timeline: [],
        roomOperations: [], cardOperations: [], messageOperations: [],
      }
      judge(row)
      this.subCases.set(urn, row)
    }
    this.recount(opened.urn)
    this.topics.flush()
    return opened
  }

  // Locks

  acquire(urn: string, session: Session): LockState | Refusal {
    const row = this.subCases.get(urn)
    if (!row) return refused(urn, 'NOT_FOUND', 'There is no such sub-case.')
    const lock = row.lock
    if (lock?.session === session.id) return lock
    if (this.heldByOther(lock, session.id)) return refused(urn, 'SUB_CASE_LOCKED', `${lock!.holderName} is working on this sub-case.`)
    const fresh: LockState = { subCase: urn, fence: (lock?.fence ?? 0) + 1, holder: session.operator, holderName: session.name, session: session.id, since: this.now() }
    this.setLock(row, fresh)
    return fresh
  }

  release(urn: string, session: Session): LockState | Refusal {
    const row = this.subCases.get(urn)
    if (!row) return refused(urn, 'NOT_FOUND', 'There is no such sub-case.')
    if (!row.lock || row.lock.session !== session.id) return refused(urn, 'LOCK_LOST', 'Your lock has passed to somebody else.')
    return this.setLock(row, { ...row.lock, holder: null, holderName: null, session: null, since: null })
  }

  /** What the server does some seconds after a socket has gone for good. */
  bury(session: string): void {
    this.alive.delete(session)
    for (const row of this.subCases.values()) {
      if (row.lock?.session === session) this.setLock(row, { ...row.lock, holder: null, holderName: null, session: null, since: null })
    }
    this.topics.flush()
  }

  // Vouchers

  issue(targets: VoucherTarget[], key: string, session: Session): { requested: SubCase[]; refused: Refusal[]; replayed: boolean } {
    const before = this.answered.get(key)
    const answer = before ?? { requested: [] as string[], refused: [] as Refusal[] }
    for (const target of before ? [] : targets) {
      const no = this.whyNot(target, session)
      if (no) answer.refused.push(no)
      else {
        answer.requested.push(target.urn)
        this.accommodate(this.subCases.get(target.urn)!)
      }
    }
    this.answered.set(key, answer)
    this.topics.flush()
    return { requested: answer.requested.map((urn) => this.subCases.get(urn)!), refused: answer.refused, replayed: before !== undefined }
  }

  private whyNot(target: VoucherTarget, session: Session): Refusal | undefined {
    const row = this.subCases.get(target.urn)
    if (!row) return refused(target.urn, 'NOT_FOUND', 'There is no such sub-case.')
    if (this.heldByOther(row.lock, session.id)) return refused(row.urn, 'SUB_CASE_LOCKED', `${row.lock!.holderName} is working on this sub-case.`)
    if (target.fence != null && target.fence !== row.lock?.fence) return refused(row.urn, 'SUB_CASE_LOCKED', 'Your lock has passed to somebody else.')
    if (target.version !== row.version) return refused(row.urn, 'VERSION_CONFLICT', 'It changed after you saw it.')
    const verdict = verdictOf(row)
    return verdict.allowed ? undefined : refused(row.urn, verdict.code!, verdict.why!)
  }

  /** The workflow: choose, book, publish, notify, card, each some seconds after the other. */
  private accommodate(row: SubCase): void {
    const fate = this.fate()
    this.change(row, { status: 'PROCESSING', reason: null })
    const hotel = hotels[Math.floor(fate * 997) % hotels.length]!
    const step = (after: number, name: string, summary: string, evidence: TimelineLine['evidence'], done?: () => void): void => {
      this.later(after, () => this.line(row, name, 'ASKED', `Asked: ${name}`, []))
      this.later(after + 900, () => {
        this.line(row, name, 'DONE', summary, evidence)
        done?.()
      })
    }
    step(200, 'choose', `Ranked 12 hotels, ${hotel.name} first`, [{ name: 'candidates', value: '12' }])
    if (fate > 0.93) {
      this.later(2400, () => this.giveUp(row, fate > 0.97))
      return
    }
    const confirmation = `NX-${(100000 + Math.floor(fate * 899999)).toString(36).toUpperCase()}`
    const asked = this.ask(row.roomOperations, 1600, 'book_rooms', 900)
    step(1600, 'book', `${hotel.name} confirmed`, [{ name: 'confirmation', value: confirmation }, { name: 'rooms', value: String(row.rooms) }], () => {
      asked()
      this.hold(row, hotel.name)
    })
    step(3200, 'publish', 'Offer is on the passenger’s phone', [], () => {
      const nightly = 119 + Math.floor(fate * 90)
      this.change(row, {
        status: 'OFFER_READY',
        offer: {
          reservation: `urn:reservation:r-${this.next()}`, confirmation, hotelName: hotel.name, hotelAddress: hotel.address, hotelPhone: hotel.phone,
          checkIn: row.checkIn ?? '2026-02-08', checkOut: row.checkOut ?? '2026-02-09', rooms: row.rooms, board: 'Breakfast',
          total: { amount: `${nightly * row.rooms * Math.max(1, row.nights)}.00`, currency: 'USD' }, cardLastFour: null, cardAmount: null,
        },
      })
    })
    step(4400, 'notify', row.reachable ? 'SMS delivered' : 'No contact: handed to a person', [], this.ask(row.messageOperations, 4400, 'send_message', 900))
    const issued = this.ask(row.cardOperations, 5600, 'issue_card', 900)
    step(5600, 'card', 'Meal card issued', [{ name: 'last four', value: '4821' }], () => {
      issued()
      if (row.offer) this.change(row, { offer: { ...row.offer, cardLastFour: '4821', cardAmount: { amount: '45.00', currency: 'USD' } } })
    })
    if (fate < 0.28) this.later(14_000 + fate * 60_000, () => this.answer(row, true))
    if (fate > 0.86) this.later(20_000, () => this.answer(row, false))
  }

  private giveUp(row: SubCase, unknown: boolean): void {
    const urn = `urn:review:v-${this.next()}`
    const review: ReviewRow & CaseReview = {
      urn, version: 1, case: row.case, subCase: row.urn, kind: unknown ? 'OUTCOME_UNKNOWN' : 'BOOKING_FAILED', severity: 'HIGH',
      summary: unknown ? 'Nobody can tell whether the hotel has booked.' : 'Three hotels refused, none is left inside the policy.',
      openedAt: this.now(), resolvedAt: null, evidence: [{ name: 'tried', value: '3 hotels' }, { name: 'last answer', value: 'ALLOTMENT_EXCEEDED' }],
      operation: unknown ? `urn:operation:o-${this.next()}` : null, claimedBy: null, claimedName: null, decision: null,
    }
    this.reviews.set(urn, review)
    this.line(row, 'book', 'REFUSED', 'Every candidate refused', review.evidence)
    this.change(row, { status: 'MANUAL_REVIEW', reason: 'No hotel had a room inside the policy' })
    this.alert('review.opened', row, `Review: booking failed for ${pnrOf(row)}`)
  }

  // Reviews

  claimReview(urn: string, version: number, session: Session): ReviewRow | Refusal {
    const review = this.reviews.get(urn)
    if (review?.claimedBy === session.operator && !review.resolvedAt) return review
    const no = this.whyNotReview(urn, version, session)
    return no ?? Object.assign(review!, { claimedBy: session.operator, claimedName: session.name, version: version + 1 })
  }

  /** Where a partner's doing is in question it is asked for a moment, and bears out what it is told. */
  resolveReview(input: ResolveReviewInput, session: Session): ReviewRow | Refusal {
    const no = this.whyNotReview(input.review, input.version, session)
    if (no) return no
    const review = this.reviews.get(input.review)!
    if (review.operation && !input.finding) return refused(review.urn, 'FINDING_NEEDED', 'Nobody knows what the partner did: say what you found.')
    Object.assign(review, { decision: { finding: input.finding ?? null, reason: input.reason }, version: review.version + 1 })
    const over = (): void => void Object.assign(review, { resolvedAt: this.now(), version: review.version + 1 })
    if (review.operation) this.later(1500, over)
    else over()
    return review
  }

  private whyNotReview(urn: string, version: number, session: Session): Refusal | undefined {
    const review = this.reviews.get(urn)
    if (!review) return refused(urn, 'NOT_FOUND', 'There is no such review.')
    if (review.resolvedAt) return refused(urn, 'REVIEW_OVER', 'This review is resolved already.')
    if (review.claimedBy && review.claimedBy !== session.operator) return refused(urn, 'REVIEW_TAKEN', `${review.claimedName} is working on it.`)
    if (review.version !== version) return refused(urn, 'VERSION_CONFLICT', 'It has changed since you looked.')
    return undefined
  }

  private answer(row: SubCase, yes: boolean): void {
    if (row.status !== 'OFFER_READY') return
    if (yes) this.change(row, { status: 'RESOLVED' })
    else {
      this.change(row, { status: 'REJECTED_BY_PAX', reason: 'Declined by the passenger', offer: null })
      this.line(row, 'decline', 'NOTE', 'Declined on the phone; room and card are being released', [])
      this.alert('offer.declined', row, `${pnrOf(row)} declined ${row.rooms === 1 ? 'the room' : `${row.rooms} rooms`}`)
    }
  }

  // The machinery

  change(row: SubCase, fields: Partial<SubCase>): void {
    Object.assign(row, fields, { version: row.version + 1, changedAt: this.now() })
    judge(row)
    this.topics.publish(`sub-cases:${row.case}`, row.urn)
    this.recount(row.case)
  }

  private line(row: SubCase, step: string, state: string, summary: string, evidence: TimelineLine['evidence']): void {
    row.timeline.push({ at: this.now(), step, state, attempt: 1, summary, evidence })
    this.topics.publish(`sub-case:${row.urn}`, row.urn)
  }

  /** A partner is asked after so long, loses its answer, and is found to have done it; what returns says that it is over. */
  private ask(into: Attempt[], after: number, name: string, within: number): () => void {
    const reference = `ref${this.next()}`
    const attempt: Attempt = { urn: `urn:operation:o-${this.next()}`, name, state: 'SENT', references: [reference], sends: 1, intendedAt: '', watchedAt: null, nextAt: null, lines: [] }
    const did = (what: string, answer: string, why: string, evidence: Attempt['lines'][number]['evidence']): void => {
      attempt.lines.push({ at: this.now(), did: what, reference, answer, why, evidence })
    }
    this.later(after, () => into.push(Object.assign(attempt, { intendedAt: this.now() })))
    this.later(after + within / 2, () => {
      Object.assign(attempt, { state: 'UNKNOWN', nextAt: this.now() })
      did('send', 'Unknown', 'no answer within 85 s', [{ name: 'status', value: 'none' }])
    })
    return () => {
      did('look-up', 'Ok', 'found', [])
      Object.assign(attempt, { state: 'OK', nextAt: null })
    }
  }

  private alert(kind: string, row: SubCase, message: string): void {
    const alert = { urn: `urn:event:${this.next()}`, at: this.now(), kind, case: row.case, subCase: row.urn, message }
    this.alerts.push(alert)
    this.topics.publish('alerts', alert.urn)
  }

  private setLock(row: SubCase, lock: LockState): LockState {
    row.lock = lock
    this.topics.publish(`sub-cases:${row.case}`, row.urn)
    this.topics.publish('locks', row.urn)
    this.recount(row.case)
    this.topics.flush()
    return lock
  }

  private heldByOther(lock: LockState | null, session: string): boolean {
    return lock?.session != null && lock.session !== session && this.alive.has(lock.session)
  }

  private hold(row: SubCase, hotelName: string): void {
    const urn = `urn:hold:${row.airport}-${hotelName.toLowerCase().replaceAll(' ', '-')}`
    const old = this.holds.get(urn)
    const base = old ?? {
      urn, version: 0, hotel: `urn:hotel:${this.next()}:vendor:hotelbeds`, hotelName, roomType: 'Double standard', airport: row.airport,
      night: row.checkIn ?? '2026-02-08', held: 0, confirmed: 0, reported: 60, free: 60, nearestExpiry: null,
    }
    const confirmed = base.confirmed + row.rooms
    this.holds.set(urn, { ...base, confirmed, free: Math.max(0, base.reported - base.held - confirmed), version: base.version + 1 })
    this.topics.publish(`holds:${row.airport}`, urn)
  }

  private recount(urn: string): void {
    const row = this.cases.get(urn)
    if (!row) return
    const inside = [...this.subCases.values()].filter((one) => one.case === urn)
    const counts = new Map<SubCaseStatus, number>()
    for (const one of inside) counts.set(one.status, (counts.get(one.status) ?? 0) + 1)
    const waiting = inside.filter((one) => one.status === 'PENDING').map((one) => one.openedAt).sort()
    const moved = inside.some((one) => one.status !== 'PENDING' && one.status !== 'LOCAL_RESIDENT')
    const open = inside.some((one) => !['RESOLVED', 'LOCAL_RESIDENT', 'CANCELLED'].includes(one.status))
    Object.assign(row, {
      counts: [...counts].map(([status, count]) => ({ status, count })), subCasesTotal: inside.length, needingNight: inside.filter((one) => one.needsNight).length,
      oldestWaiting: waiting[0] ?? null, operators: [...new Set(inside.flatMap((one) => one.lock?.holderName ?? []))].sort(),
      status: open ? (moved ? 'IN_PROGRESS' : 'OPEN') : 'CLOSED', version: row.version + 1,
    })
    this.topics.publish('cases', urn)
  }

  private next(): number {
    this.serial += 1
    return 8800 + this.serial
  }
}

function verdictOf(row: SubCase): { allowed: boolean; code?: string; why?: string } {
  if (!row.needsNight) return { allowed: false, code: 'NO_NIGHT_NEEDED', why: 'The party flies before a night is due.' }
  if (row.mixedTier) return { allowed: false, code: 'MIXED_TIER_PARTY', why: 'The party holds tickets of different tiers.' }
  if (row.guests.adults === 0) return { allowed: false, code: 'MINORS_ALONE', why: 'The party has no adult; a person places it.' }
  if (row.status === 'PENDING' || row.status === 'MANUAL_REVIEW') return { allowed: true }
  return { allowed: false, code: 'MOVE_REFUSED', why: 'A voucher was requested already.' }
}

function judge(row: SubCase): void {
  const { allowed, why } = verdictOf(row)
  row.mayIssueVoucher = { allowed, why: why ?? null }
}

const refused = (urn: string, code: string, message: string): Refusal => ({ urn, code, message })

const pnrOf = (row: SubCase): string => row.pnr.split(':')[2] ?? row.pnr
