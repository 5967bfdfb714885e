// Written by `npm run generate` from the .graphql files and the printed contract.
import type { Document } from '../../api/document'

export interface SubCaseRow {
  urn: string
  version: number
  case: string
  pnr: string
  airport: string
  tier: Tier
  mixedTier: boolean
  leadName: string | null
  guests: {
    adults: number
    children: number
    infants: number
  }
  rooms: number
  specialNeeds: string[]
  needsNight: boolean
  checkIn: string | null
  checkOut: string | null
  nights: number
  nextFlight: {
    flightNumber: string
    departs: string
    origin: string
    destination: string
  } | null
  status: SubCaseStatus
  reason: string | null
  reachable: boolean
  openedAt: string
  changedAt: string
  offer: {
    reservation: string
    confirmation: string
    hotelName: string
    hotelAddress: string
    hotelPhone: string | null
    checkIn: string
    checkOut: string
    rooms: number
    board: string
    total: {
      amount: string
      currency: string
    }
    cardLastFour: string | null
    cardAmount: {
      amount: string
      currency: string
    } | null
  } | null
  lock: LockState | null
  mayIssueVoucher: {
    allowed: boolean
    why: string | null
  }
}

const subCaseRowText = `fragment SubCaseRow on SubCase {
  urn
  version
  case
  pnr
  airport
  tier
  mixedTier
  leadName
  guests {
    adults
    children
    infants
  }
  rooms
  specialNeeds
  needsNight
  checkIn
  checkOut
  nights
  nextFlight {
    flightNumber
    departs
    origin
    destination
  }
  status
  reason
  reachable
  openedAt
  changedAt
  offer {
    reservation
    confirmation
    hotelName
    hotelAddress
    hotelPhone
    checkIn
    checkOut
    rooms
    board
    total {
      amount
      currency
    }
    cardLastFour
    cardAmount {
      amount
      currency
    }
  }
  lock {
    ...LockState
  }
  mayIssueVoucher {
    allowed
    why
  }
}`

export interface LockState {
  subCase: string
  fence: number
  holder: string | null
  holderName: string | null
  session: string | null
  since: string | null
}

const lockStateText = `fragment LockState on Lock {
  subCase
  fence
  holder
  holderName
  session
  since
}`

export interface TimelineLine {
  at: string
  step: string
  state: string
  attempt: number
  summary: string
  evidence: Array<{
    name: string
    value: string
  }>
}

const timelineLineText = `fragment TimelineLine on TimelineEntry {
  at
  step
  state
  attempt
  summary
  evidence {
    name
    value
  }
}`

export interface Attempt {
  urn: string
  name: string
  state: string
  references: string[]
  sends: number
  intendedAt: string
  watchedAt: string | null
  nextAt: string | null
  lines: Array<{
    at: string
    did: string
    reference: string | null
    answer: string | null
    why: string | null
    evidence: Array<{
      name: string
      value: string
    }>
  }>
}

const attemptText = `fragment Attempt on Operation {
  urn
  name
  state
  references
  sends
  intendedAt
  watchedAt
  nextAt
  lines {
    at
    did
    reference
    answer
    why
    evidence {
      name
      value
    }
  }
}`

export interface CaseReview {
  urn: string
  subCase: string | null
  kind: ReviewKind
  severity: Severity
  summary: string
  openedAt: string
  evidence: Array<{
    name: string
    value: string
  }>
}

const caseReviewText = `fragment CaseReview on ReviewItem {
  urn
  subCase
  kind
  severity
  summary
  openedAt
  evidence {
    name
    value
  }
}`

export interface Turn {
  subCase: string
  source: string | null
  place: number | null
  expectedAt: string | null
  why: string | null
}

const turnText = `fragment Turn on QueuePlace {
  subCase
  source
  place
  expectedAt
  why
}`

export interface CaseRowsData {
  subCases: {
    seq: string
    snapshot: boolean
    items: SubCaseRow[]
  }
}

export type CaseRowsVariables = {
  case: string
  after?: string | null
}

export const caseRows: Document<CaseRowsData, CaseRowsVariables> = {
  name: 'CaseRows',
  text: `subscription CaseRows($case: Urn!, $after: String) {
  subCases(case: $case, after: $after) {
    seq
    snapshot
    items {
      ...SubCaseRow
    }
  }
}

${subCaseRowText}

${lockStateText}`,
}

export interface TimelineData {
  subCaseTimeline: {
    seq: string
    snapshot: boolean
    entries: TimelineLine[]
  }
}

export type TimelineVariables = {
  subCase: string
  after?: string | null
}

export const timeline: Document<TimelineData, TimelineVariables> = {
  name: 'Timeline',
  text: `subscription Timeline($subCase: Urn!, $after: String) {
  subCaseTimeline(subCase: $subCase, after: $after) {
    seq
    snapshot
    entries {
      ...TimelineLine
    }
  }
}

${timelineLineText}`,
}

export interface CaseReviewsData {
  case: {
    urn: string
    reviews: CaseReview[]
  } | null
}

export type CaseReviewsVariables = {
  case: string
}

export const caseReviews: Document<CaseReviewsData, CaseReviewsVariables> = {
  name: 'CaseReviews',
  text: `query CaseReviews($case: Urn!) {
  case(urn: $case) {
    urn
    reviews {
      ...CaseReview
    }
  }
}

${caseReviewText}`,
}

export interface AttemptsData {
  subCase: {
    urn: string
    roomOperations: Attempt[]
    cardOperations: Attempt[]
    messageOperations: Attempt[]
  } | null
}

export type AttemptsVariables = {
  subCase: string
}

export const attempts: Document<AttemptsData, AttemptsVariables> = {
  name: 'Attempts',
  text: `query Attempts($subCase: Urn!) {
  subCase(urn: $subCase) {
    urn
    roomOperations {
      ...Attempt
    }
    cardOperations {
      ...Attempt
    }
    messageOperations {
      ...Attempt
    }
  }
}

${attemptText}`,
}

export interface AcquireLockData {
  acquireLock: {
    __typename: 'LockAcquired'
    subCase: SubCaseRow
  } | {
    __typename: 'SubCaseLocked'
    message: string
    holderName: string | null
    since: string | null
  } | {
    __typename: 'NotFound'
    message: string
  }
}

export type AcquireLockVariables = {
  subCase: string
}

export const acquireLock: Document<AcquireLockData, AcquireLockVariables> = {
  name: 'AcquireLock',
  text: `mutation AcquireLock($subCase: Urn!) {
  acquireLock(subCase: $subCase) {
    __typename
    ... on LockAcquired {
      subCase {
        ...SubCaseRow
      }
    }
    ... on SubCaseLocked {
      message
      holderName
      since
    }
    ... on NotFound {
      message
    }
  }
}

${subCaseRowText}

${lockStateText}`,
}

export interface ReleaseLockData {
  releaseLock: {
    __typename: 'LockReleased'
    lock: LockState
  } | {
    __typename: 'LockLost'
    message: string
  } | {
    __typename: 'NotFound'
    message: string
  }
}

export type ReleaseLockVariables = {
  subCase: string
}

export const releaseLock: Document<ReleaseLockData, ReleaseLockVariables> = {
  name: 'ReleaseLock',
  text: `mutation ReleaseLock($subCase: Urn!) {
  releaseLock(subCase: $subCase) {
    __typename
    ... on LockReleased {
      lock {
        ...LockState
      }
    }
    ... on LockLost {
      message
    }
    ... on NotFound {
      message
    }
  }
}

${lockStateText}`,
}

export interface IssueVoucherData {
  issueVoucher: {
    requested: SubCaseRow[]
    refused: Array<{
      urn: string
      code: string
      message: string
    }>
    replayed: boolean
  }
}

export type IssueVoucherVariables = {
  input: IssueVoucherInput
}

export const issueVoucher: Document<IssueVoucherData, IssueVoucherVariables> = {
  name: 'IssueVoucher',
  text: `mutation IssueVoucher($input: IssueVoucherInput!) {
  issueVoucher(input: $input) {
    requested {
      ...SubCaseRow
    }
    refused {
      urn
      code
      message
    }
    replayed
  }
}

${subCaseRowText}

${lockStateText}`,
}

export interface CaseQueueData {
  queue: {
    seq: string
    snapshot: boolean
    items: Turn[]
  }
}

export type CaseQueueVariables = {
  case: string
  after?: string | null
}

export const caseQueue: Document<CaseQueueData, CaseQueueVariables> = {
  name: 'CaseQueue',
  text: `subscription CaseQueue($case: Urn!, $after: String) {
  queue(case: $case, after: $after) {
    seq
    snapshot
    items {
      ...Turn
    }
  }
}

${turnText}`,
}

export interface IssueVoucherInput {
  idempotencyKey: string
  subCases: VoucherTarget[]
}

export interface VoucherTarget {
  fence?: number | null
  urn: string
  version: number
}

export type ReviewKind = 'ALLOCATION_FAILED' | 'BOOKING_FAILED' | 'DATA_INCOMPLETE' | 'MIXED_TIER_GROUP' | 'OUTCOME_UNKNOWN' | 'PARTIAL_FULFILLMENT' | 'PAYMENT_FAILED' | 'POLICY_VIOLATION'

export type Severity = 'HIGH' | 'LOW' | 'MEDIUM'

export type SubCaseStatus = 'CANCELLED' | 'LOCAL_RESIDENT' | 'MANUAL_REVIEW' | 'OFFER_READY' | 'PENDING' | 'PROCESSING' | 'REJECTED_BY_PAX' | 'RESOLVED'

export type Tier = 'BUSINESS' | 'CREW' | 'ECONOMY' | 'FIRST' | 'PREMIUM_ECONOMY'
