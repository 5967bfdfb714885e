// Written by `npm run generate` from the .graphql files and the printed contract.
import type { Document } from '../../api/document'

export interface HoldRow {
  urn: string
  version: number
  hotel: string
  hotelName: string
  roomType: string
  airport: string
  night: string
  held: number
  confirmed: number
  reported: number
  free: number
  nearestExpiry: string | null
}

const holdRowText = `fragment HoldRow on HoldCount {
  urn
  version
  hotel
  hotelName
  roomType
  airport
  night
  held
  confirmed
  reported
  free
  nearestExpiry
}`

export interface HotelHoldsData {
  holdCounts: {
    seq: string
    snapshot: boolean
    items: HoldRow[]
  }
}

export type HotelHoldsVariables = {
  airport: string
  after?: string | null
}

export const hotelHolds: Document<HotelHoldsData, HotelHoldsVariables> = {
  name: 'HotelHolds',
  text: `subscription HotelHolds($airport: String!, $after: String) {
  holdCounts(airport: $airport, after: $after) {
    seq
    snapshot
    items {
      ...HoldRow
    }
  }
}

${holdRowText}`,
}
