// Written by `npm run generate` from the .graphql files and the printed contract.
import type { Document } from '../api/document'

export interface StopRow {
  urn: string
  version: number
  line: Line
  partner: string | null
  airport: string | null
  reason: string
  at: string
  resumedAt: string | null
  waiting: number
}

const stopRowText = `fragment StopRow on Stop {
  urn
  version
  line
  partner
  airport
  reason
  at
  resumedAt
  waiting
}`

export interface StoppedLinesData {
  stoppedLines: {
    seq: string
    snapshot: boolean
    items: StopRow[]
  }
}

export type StoppedLinesVariables = {
  after?: string | null
}

export const stoppedLines: Document<StoppedLinesData, StoppedLinesVariables> = {
  name: 'StoppedLines',
  text: `subscription StoppedLines($after: String) {
  stoppedLines(after: $after) {
    seq
    snapshot
    items {
      ...StopRow
    }
  }
}

${stopRowText}`,
}

export interface StopLineData {
  stopLine: {
    stop: StopRow
  }
}

export type StopLineVariables = {
  input: StopLineInput
}

export const stopLine: Document<StopLineData, StopLineVariables> = {
  name: 'StopLine',
  text: `mutation StopLine($input: StopLineInput!) {
  stopLine(input: $input) {
    stop {
      ...StopRow
    }
  }
}

${stopRowText}`,
}

export interface ResumeLineData {
  resumeLine: {
    __typename: 'LineResumed'
    stop: StopRow
  } | {
    __typename: 'NotFound'
    message: string
  }
}

export type ResumeLineVariables = {
  input: ResumeLineInput
}

export const resumeLine: Document<ResumeLineData, ResumeLineVariables> = {
  name: 'ResumeLine',
  text: `mutation ResumeLine($input: ResumeLineInput!) {
  resumeLine(input: $input) {
    ... on LineResumed {
      stop {
        ...StopRow
      }
    }
    ... on NotFound {
      message
    }
  }
}

${stopRowText}`,
}

export interface StopLineInput {
  airport?: string | null
  line: Line
  partner?: string | null
  reason: string
}

export interface ResumeLineInput {
  line: Line
  reason: string
  stop: string
}

export type Line = 'BOOKINGS' | 'CARD_LOADS' | 'MESSAGES'
