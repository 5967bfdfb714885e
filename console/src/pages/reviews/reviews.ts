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
  operation: string | null
  claimedBy: string | null
  claimedName: string | null
  decision: {
    finding: Finding | null
    reason: string
  } | null
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
  operation
  claimedBy
  claimedName
  decision {
    finding
    reason
  }
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

export interface ClaimReviewData {
  claimReview: {
    __typename: 'ReviewClaimed'
    review: ReviewRow
  } | {
    __typename: 'ReviewTaken'
    message: string
  } | {
    __typename: 'ReviewOver'
    message: string
  } | {
    __typename: 'VersionConflict'
    message: string
  } | {
    __typename: 'NotFound'
    message: string
  }
}

export type ClaimReviewVariables = {
  review: string
  version: number
}

export const claimReview: Document<ClaimReviewData, ClaimReviewVariables> = {
  name: 'ClaimReview',
  text: `mutation ClaimReview($review: Urn!, $version: Int!) {
  claimReview(review: $review, version: $version) {
    __typename
    ... on ReviewClaimed {
      review {
        ...ReviewRow
      }
    }
    ... on ReviewTaken {
      message
    }
    ... on ReviewOver {
      message
    }
    ... on VersionConflict {
      message
    }
    ... on NotFound {
      message
    }
  }
}

${reviewRowText}`,
}

export interface ResolveReviewData {
  resolveReview: {
    __typename: 'ReviewDecided'
    review: ReviewRow
  } | {
    __typename: 'FindingNeeded'
    message: string
  } | {
    __typename: 'ReviewTaken'
    message: string
  } | {
    __typename: 'ReviewOver'
    message: string
  } | {
    __typename: 'VersionConflict'
    message: string
  } | {
    __typename: 'NotFound'
    message: string
  }
}

export type ResolveReviewVariables = {
  input: ResolveReviewInput
}

export const resolveReview: Document<ResolveReviewData, ResolveReviewVariables> = {
  name: 'ResolveReview',
  text: `mutation ResolveReview($input: ResolveReviewInput!) {
  resolveReview(input: $input) {
    __typename
    ... on ReviewDecided {
      review {
        ...ReviewRow
      }
    }
    ... on FindingNeeded {
      message
    }
    ... on ReviewTaken {
      message
    }
    ... on ReviewOver {
      message
    }
    ... on VersionConflict {
      message
    }
    ... on NotFound {
      message
    }
  }
}

${reviewRowText}`,
}

export interface ResolveReviewInput {
  finding?: Finding | null
  idempotencyKey: string
  reason: string
  reference?: string | null
  review: string
  version: number
}

export type Finding = 'ABSENT' | 'CANCELLED' | 'FOUND'

export type ReviewKind = 'ALLOCATION_FAILED' | 'BOOKING_FAILED' | 'DATA_INCOMPLETE' | 'MIXED_TIER_GROUP' | 'OUTCOME_UNKNOWN' | 'PARTIAL_FULFILLMENT' | 'PAYMENT_FAILED' | 'POLICY_VIOLATION'

export type Severity = 'HIGH' | 'LOW' | 'MEDIUM'
