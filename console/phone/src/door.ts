/** The passenger door, in three questions: sign in with the link, read the trip, answer the offer. */
import type { AcceptData, DeclineData, OfferData } from './documents'
import { documents } from './ids'
import type { Choice, Trip } from './store'

export class LinkEnded extends Error {}
export class SignedOut extends Error {}

/** The door is away or busy; `after` is its own word for when to come back, in ms. */
export class NotNow extends Error {
  constructor(readonly after: number | null) {
    super('not now')
  }
}

export type Read = { kind: 'same' } | { kind: 'trip'; trip: Trip; etag: string | null }
export type Acknowledged = { kind: 'acknowledged' } | { kind: 'changed'; message: string }

const accept = 'application/graphql-response+json, application/json'

/** A session for a link's token. The token is good once; with the same nonce it may be sent again while no answer came. Throws LinkEnded, NotNow. */
export async function signIn(token: string, nonce: string): Promise<string> {
  const response = await ask('/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token, nonce }) })
  if (response.status >= 400 && response.status < 500 && response.status !== 429) throw new LinkEnded()
  const answer = (await good(response).json()) as { sessionToken?: string; token?: string }
  return answer.sessionToken ?? answer.token ?? ''
}

/** The trip, or that it has not changed since `etag`. Throws SignedOut, NotNow. */
export async function readTrip(session: string, etag: string | null): Promise<Read> {
  const headers: Record<string, string> = { accept, ...bearer(session), ...(etag ? { 'if-none-match': etag } : {}) }
  const response = await ask(`/graphql?documentId=${encodeURIComponent(documents.offer)}`, { headers, cache: 'no-store' })
  if (response.status === 304) return { kind: 'same' }
  const data = await dataOf<OfferData>(response)
  return { kind: 'trip', trip: data.myTrip, etag: response.headers.get('etag') }
}

/** Sends the answer to the offer as it stood at `version`; may be repeated. Throws SignedOut, NotNow. */
export async function answerOffer(session: string, choice: Choice, version: number): Promise<Acknowledged> {
  const body = JSON.stringify({ documentId: documents[choice], variables: { snapshotVersion: version } })
  const response = await ask('/graphql', { method: 'POST', headers: { accept, 'content-type': 'application/json', ...bearer(session) }, body })
  const data = await dataOf<Partial<AcceptData & DeclineData>>(response)
  const answer = data.acceptOffer ?? data.declineOffer
  if (!answer) throw new NotNow(null)
  return answer.__typename === 'AnswerAcknowledged' ? { kind: 'acknowledged' } : { kind: 'changed', message: answer.message }
}

const bearer = (session: string): Record<string, string> => (session ? { authorization: `Bearer ${session}` } : {})

async function ask(path: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...request, credentials: 'same-origin', signal: AbortSignal.timeout(15_000) })
  } catch {
    throw new NotNow(null)
  }
}

function good(response: Response): Response {
  if (response.status === 401 || response.status === 403) throw new SignedOut()
  if (!response.ok) throw new NotNow(retryAfter(response))
  return response
}

async function dataOf<Data>(response: Response): Promise<Data> {
  const answer = (await good(response).json().catch(() => ({}))) as { data?: Data | null; errors?: Array<{ extensions?: { code?: string } }> }
  const code = answer.errors?.[0]?.extensions?.code
  if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN') throw new SignedOut()
  if (!answer.data || code) throw new NotNow(retryAfter(response))
  return answer.data
}

function retryAfter(response: Response): number | null {
  const seconds = Number(response.headers.get('retry-after') ?? NaN)
  return Number.isFinite(seconds) ? seconds * 1000 : null
}
