// Written by `npm run generate` from the .graphql files and the printed contract.
import type { Document } from '../api/document'

export interface AlertLine {
  urn: string
  at: string
  kind: string
  case: string
  subCase: string | null
  message: string
}

const alertLineText = `fragment AlertLine on Alert {
  urn
  at
  kind
  case
  subCase
  message
}`

export interface HeldLock {
  subCase: string
  fence: number
  holder: string | null
  holderName: string | null
  session: string | null
  since: string | null
}

const heldLockText = `fragment HeldLock on Lock {
  subCase
  fence
  holder
  holderName
  session
  since
}`

export interface MeData {
  me: {
    urn: string
    name: string
    role: Role
    airports: string[]
    tenant: string
    session: string
  }
}

export type MeVariables = Record<string, never>

export const me: Document<MeData, MeVariables> = {
  name: 'Me',
  text: `query Me {
  me {
    urn
    name
    role
    airports
    tenant
    session
  }
}`,
}

export interface AlertsData {
  alerts: {
    seq: string
    snapshot: boolean
    items: AlertLine[]
  }
}

export type AlertsVariables = {
  after?: string | null
}

export const alerts: Document<AlertsData, AlertsVariables> = {
  name: 'Alerts',
  text: `subscription Alerts($after: String) {
  alerts(after: $after) {
    seq
    snapshot
    items {
      ...AlertLine
    }
  }
}

${alertLineText}`,
}

export interface LockHoldersData {
  lockHolders: {
    seq: string
    snapshot: boolean
    items: HeldLock[]
  }
}

export type LockHoldersVariables = {
  after?: string | null
}

export const lockHolders: Document<LockHoldersData, LockHoldersVariables> = {
  name: 'LockHolders',
  text: `subscription LockHolders($after: String) {
  lockHolders(after: $after) {
    seq
    snapshot
    items {
      ...HeldLock
    }
  }
}

${heldLockText}`,
}

export interface SubCaseHomeData {
  subCase: {
    urn: string
    case: string
  } | null
}

export type SubCaseHomeVariables = {
  urn: string
}

export const subCaseHome: Document<SubCaseHomeData, SubCaseHomeVariables> = {
  name: 'SubCaseHome',
  text: `query SubCaseHome($urn: Urn!) {
  subCase(urn: $urn) {
    urn
    case
  }
}`,
}

export type Role = 'ADMIN' | 'AIRPORT_OPERATOR' | 'FINANCE_AUDIT' | 'OPS_SUPERVISOR'
