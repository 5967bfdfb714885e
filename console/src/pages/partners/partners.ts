// Written by `npm run generate` from the .graphql files and the printed contract.
import type { Document } from '../../api/document'

export interface PartnerRow {
  urn: string
  version: number
  vendor: string
  purpose: string
  breaker: BreakerState
  openUntil: string | null
  openedAt: string | null
  pausedUntil: string | null
  limit: number
  limitByHand: boolean
  pace: number
  used: number
  queueWait: number
  calls: number
  failed: number
  slow: number
  throttled: number
  lastGoodAt: string | null
  processes: number
}

const partnerRowText = `fragment PartnerRow on PartnerHealth {
  urn
  version
  vendor
  purpose
  breaker
  openUntil
  openedAt
  pausedUntil
  limit
  limitByHand
  pace
  used
  queueWait
  calls
  failed
  slow
  throttled
  lastGoodAt
  processes
}`

export interface PartnerHealthData {
  partnerHealth: {
    seq: string
    snapshot: boolean
    items: PartnerRow[]
  }
}

export type PartnerHealthVariables = {
  after?: string | null
}

export const partnerHealth: Document<PartnerHealthData, PartnerHealthVariables> = {
  name: 'PartnerHealth',
  text: `subscription PartnerHealth($after: String) {
  partnerHealth(after: $after) {
    seq
    snapshot
    items {
      ...PartnerRow
    }
  }
}

${partnerRowText}`,
}

export type BreakerState = 'CLOSED' | 'OPEN' | 'PROBING'
