// Written by `npm run generate` from the .graphql files and the printed contract.
import type { Document } from '../../api/document'

export interface ReviewRow {
  urn: string
  version: number
  case: string
  subCase: string | null
  kind: ReviewKind
  severity: Severity
  summary: string
  openedAt: string
  resolvedAt: string | null
  evidence: Array<{
    name: string
    value: string
  }>
}

const reviewRowText = `fragment ReviewRow on ReviewItem {
  urn
  version
  case
  subCase
  kind
  severity
  summary
  openedAt
  resolvedAt
  evidence {
    name
    value
  }
}`

export interface ReviewListData {
  reviews: {
    totalCount: number
    pageInfo: {
      hasNextPage: boolean
      endCursor: string | null
    }
    edges: Array<{
      node: ReviewRow
    }>
  }
}

export type ReviewListVariables = {
  first: number
  after?: string | null
}

export const reviewList: Document<ReviewListData, ReviewListVariables> = {
  name: 'ReviewList',
  text: `query ReviewList($first: Int!, $after: String) {
  reviews(first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        ...ReviewRow
      }
    }
  }
}

${reviewRowText}`,
}

export type ReviewKind = 'ALLOCATION_FAILED' | 'BOOKING_FAILED' | 'DATA_INCOMPLETE' | 'MIXED_TIER_GROUP' | 'OUTCOME_UNKNOWN' | 'PARTIAL_FULFILLMENT' | 'PAYMENT_FAILED' | 'POLICY_VIOLATION'

export type Severity = 'HIGH' | 'LOW' | 'MEDIUM'
