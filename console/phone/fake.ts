/** A passenger door for development and tests, as strict as the real one: single-use links, versions, ETags, a rebuilding store. */
import type { IncomingMessage } from 'node:http'
import type { Plugin, PreviewServer, ViteDevServer } from 'vite'
import { documentIds } from './documents.ts'
import type { OfferData } from './src/documents'

type Trip = OfferData['myTrip']

const modules = 25
const quiet = 4 // modules of white around the code
const qrSide = modules + 2 * quiet
const run = (x: number, y: number, width: number, height: number): string => `M${x + quiet} ${y + quiet}h${width}v${height}h-${width}z`
const finder = (x: number, y: number): string => [run(x, y, 7, 1), run(x, y + 6, 7, 1), run(x, y, 1, 7), run(x + 6, y, 1, 7), run(x + 2, y + 2, 3, 3)].join('')
const dots = Array.from({ length: 190 }, (_, place) => [(place * 7 + 3) % modules, (place * 13 + 5) % modules] as const)
  .filter(([x, y]) => !((x < 8 && y < 8) || (x > 16 && y < 8) || (x < 8 && y > 16)))
  .map(([x, y]) => run(x, y, 1, 1))

export const aTrip = (over: Partial<Trip> = {}): Trip => ({
  urn: 'urn:sub-case:s-1', version: 1, status: 'PENDING', leadName: 'Ana Alvarez', language: 'en', disruptedFlight: 'B6615', origin: 'JFK', destination: 'SFO',
  scheduledDeparture: '2026-02-08T17:30:00-05:00', message: 'Your flight was cancelled. We are working on a room for you; this page updates itself.',
  nextFlight: { flight: 'urn:flight:B6415@20260209:vendor:custom_pss', flightNumber: 'B6415', departs: '2026-02-09T08:30:00-05:00', origin: 'JFK', destination: 'SFO' },
  offer: null, contact: 'the airline’s desk at the airport', mayAnswer: false, ...over,
})

export const anOffer = (over: Partial<NonNullable<Trip['offer']>> = {}): NonNullable<Trip['offer']> => ({
  reservation: 'urn:reservation:r-8842', confirmation: 'NX-7Q2K', hotelName: 'Harbor Point Inn', hotelAddress: '144-10 135th Ave, Queens, NY 11436', hotelPhone: '+1 718 555 0142',
  checkIn: '2026-02-08', checkOut: '2026-02-09', rooms: 1, board: 'Breakfast', qr: [finder(0, 0), finder(18, 0), finder(0, 18), ...dots].join(''), qrSide,
  card: { lastFour: '4821', amount: { amount: '45.00', currency: 'USD' }, revealUrl: null }, ...over,
})

export const anOfferedTrip = (over: Partial<Trip> = {}): Trip =>
  aTrip({ version: 2, status: 'OFFER_READY', message: 'We have a room for you. Please accept or decline it.', offer: anOffer(), mayAnswer: true, ...over })

export class Door {
  readonly answers: Array<{ choice: 'accept' | 'decline'; version: number }> = []
  readonly asked: string[] = []
  /** Answers are refused with 503 this many times, as while the snapshots are rebuilt. */
  rebuilding = 0
  down = false
  /** This many answers to a sign-in are lost on their way: the door has acted, the phone hears nothing. */
  lost = 0
  readonly nonces: string[] = []
  /** Which phone used a link, by its nonce; empty until then. */
  private readonly links: Map<string, string>
  private readonly sessions = new Set<string>()

  constructor(public trip: Trip, link = 'link') {
    this.links = new Map([[link, '']])
  }

  readonly fetch = async (path: string, request: RequestInit = {}): Promise<Response> => {
    const url = new URL(path, 'http://door')
    const headers = new Headers(request.headers)
    this.asked.push(`${request.method ?? 'GET'} ${url.pathname}`)
    if (this.down) throw new TypeError('no network')
    if (url.pathname === '/session') return this.signIn(JSON.parse(String(request.body)) as SignIn)
    if (!this.sessions.has(headers.get('authorization')?.replace('Bearer ', '') ?? '')) return problem(401)
    return request.method === 'POST' ? this.answer(JSON.parse(String(request.body)) as Posted) : this.read(url, headers)
  }

  private signIn({ token, nonce }: SignIn): Response {
    this.nonces.push(nonce)
    const by = this.links.get(token)
    if (by === undefined || !nonce) return problem(401)
    if (by && by !== nonce) return problem(410)
    this.links.set(token, nonce)
    if (this.lost > 0) {
      this.lost -= 1
      throw new TypeError('the answer was lost')
    }
    this.sessions.add(`session-of-${token}`)
    return json({ sessionToken: `session-of-${token}`, expiresAt: '2026-02-15T17:00:00Z' })
  }

  private read(url: URL, headers: Headers): Response {
    if (url.searchParams.get('documentId') !== documentIds().offer) return problem(404)
    const etag = `"${this.trip.version}"`
    return headers.get('if-none-match') === etag ? new Response(null, { status: 304 }) : json({ data: { myTrip: this.trip } }, { etag })
  }

  private answer({ documentId, variables }: Posted): Response {
    if (this.rebuilding > 0) {
      this.rebuilding -= 1
      return problem(503, { 'retry-after': '1' })
    }
    const choice = documentId === documentIds().accept ? 'accept' : 'decline'
    const field = `${choice}Offer`
    const { version } = this.trip
    if (variables.snapshotVersion !== version) {
      return json({ data: { [field]: { __typename: 'OfferChanged', message: 'The offer changed after you saw it.', seen: variables.snapshotVersion, current: version } } })
    }
    this.answers.push({ choice, version })
    this.settle(choice)
    return json({ data: { [field]: { __typename: 'AnswerAcknowledged', intent: 'urn:event:e-1', at: '2026-02-08T23:40:00Z' } } })
  }

  private settle(choice: 'accept' | 'decline'): void {
    const accepted = choice === 'accept'
    this.trip = {
      ...this.trip, version: this.trip.version + 1, mayAnswer: false, status: accepted ? 'RESOLVED' : 'REJECTED_BY_PAX', offer: accepted ? this.trip.offer : null,
      message: accepted ? 'Your room is confirmed. Show the code at the hotel.' : 'You declined the room. Our staff have been told and will contact you.',
    }
  }
}

interface SignIn {
  token: string
  nonce: string
}

interface Posted {
  documentId: string
  variables: { snapshotVersion: number }
}

const json = (body: unknown, headers: Record<string, string> = {}): Response => new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json', ...headers } })
const problem = (status: number, headers: Record<string, string> = {}): Response => new Response('{}', { status, headers: { 'content-type': 'application/problem+json', ...headers } })

/** `npm run dev:phone`: open /?token=link */
export function fakeDoor(): Plugin {
  return {
    name: 'nexa-fake-door',
    apply: 'serve',
    configureServer: serve,
    configurePreviewServer: serve,
  }
}

/** Every token is a link to a trip of its own. */
function serve(server: ViteDevServer | PreviewServer): void {
  const doors = new Map<string, Door>()
  const doorOf = (token: string): Door => {
    const door = doors.get(token) ?? new Door(process.env.NEXA_FAKE_OFFER ? anOfferedTrip() : aTrip(), token)
    doors.set(token, door)
    return door
  }
  server.middlewares.use((request, response, next) => {
    const path = request.url ?? '/'
    if (!/^\/(session|graphql)/.test(path)) return next()
    void bodyOf(request)
      .then((body) => {
        const token = path === '/session' ? (JSON.parse(body) as { token: string }).token : request.headers.authorization?.replace('Bearer session-of-', '')
        return doorOf(token ?? '').fetch(path, { method: request.method, headers: request.headers as Record<string, string>, ...(body ? { body } : {}) })
      })
      .then(async (answer) => response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text()))
  })
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}
