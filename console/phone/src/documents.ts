// Written by `npm run generate` from the .graphql files and the printed contract.
export interface AcceptData {
  acceptOffer: {
    __typename: 'AnswerAcknowledged'
    intent: string
    at: string
  } | {
    __typename: 'OfferChanged'
    message: string
    seen: number
    current: number
  }
}

export type AcceptVariables = {
  snapshotVersion: number
}

export interface DeclineData {
  declineOffer: {
    __typename: 'AnswerAcknowledged'
    intent: string
    at: string
  } | {
    __typename: 'OfferChanged'
    message: string
    seen: number
    current: number
  }
}

export type DeclineVariables = {
  snapshotVersion: number
}

export interface OfferData {
  myTrip: {
    urn: string
    version: number
    status: SubCaseStatus
    leadName: string
    language: string
    disruptedFlight: string
    origin: string
    destination: string
    scheduledDeparture: string
    message: string
    nextFlight: {
      flight: string
      flightNumber: string
      departs: string
      origin: string
      destination: string
    } | null
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
      qr: string
      qrSide: number
      card: {
        lastFour: string
        amount: {
          amount: string
          currency: string
        }
        revealUrl: string | null
      } | null
    } | null
    contact: string
    mayAnswer: boolean
  }
}

export type OfferVariables = Record<string, never>

export type SubCaseStatus = 'CANCELLED' | 'LOCAL_RESIDENT' | 'MANUAL_REVIEW' | 'OFFER_READY' | 'PENDING' | 'PROCESSING' | 'REJECTED_BY_PAX' | 'RESOLVED'
