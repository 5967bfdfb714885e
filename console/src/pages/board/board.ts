// Written by `npm run generate` from the .graphql files and the printed contract.
import type { Document } from '../../api/document'

export interface CaseRow {
  urn: string
  version: number
  flightNumber: string
  airport: string
  destination: string
  departs: string
  cause: string
  status: CaseStatus
  manifestState: string
  openedAt: string
  counts: Array<{
    status: SubCaseStatus
    count: number
  }>
  subCasesTotal: number
  needingNight: number
  oldestWaiting: string | null
  operators: string[]
}

const caseRowText = `fragment CaseRow on Case {
  urn
  version
  flightNumber
  airport
  destination
  departs
  cause
  status
  manifestState
  openedAt
  counts {
    status
    count
  }
  subCasesTotal
  needingNight
  oldestWaiting
  operators
}`

export interface CaseBoardData {
  caseBoard: {
    seq: string
    snapshot: boolean
    items: CaseRow[]
  }
}

export type CaseBoardVariables = {
  airport?: string | null
  after?: string | null
}

export const caseBoard: Document<CaseBoardData, CaseBoardVariables> = {
  name: 'CaseBoard',
  text: `subscription CaseBoard($airport: String, $after: String) {
  caseBoard(airport: $airport, after: $after) {
    seq
    snapshot
    items {
      ...CaseRow
    }
  }
}

${caseRowText}`,
}

export interface CaseByUrnData {
  case: CaseRow | null
}

export type CaseByUrnVariables = {
  urn: string
}

export const caseByUrn: Document<CaseByUrnData, CaseByUrnVariables> = {
  name: 'CaseByUrn',
  text: `query CaseByUrn($urn: Urn!) {
  case(urn: $urn) {
    ...CaseRow
  }
}

${caseRowText}`,
}

export type CaseStatus = 'CLOSED' | 'IN_PROGRESS' | 'OPEN'

export type SubCaseStatus = 'CANCELLED' | 'LOCAL_RESIDENT' | 'MANUAL_REVIEW' | 'OFFER_READY' | 'PENDING' | 'PROCESSING' | 'REJECTED_BY_PAX' | 'RESOLVED'
