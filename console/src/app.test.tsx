// @vitest-environment jsdom
import { act } from 'react'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Options, type Theatre, parties, theatre, workable } from '../fake/theatre'
import { flight, seeded } from '../fake/storm'

let stage: Theatre

beforeEach(() => {
  vi.useFakeTimers()
  localStorage.clear()
})
afterEach(async () => {
  await stage.close()
  vi.useRealTimers()
})

const open = async (options?: Options): Promise<Theatre> => (stage = await theatre(options))
const several = () => Array.from({ length: 4 }, (_, index) => flight(index, seeded(11 + index), 8))
/** Down to a row, as an operator goes; the end of the list is the end. */
async function goTo(urn: string): Promise<void> {
  for (let before: string | null = null; stage.at() !== urn && stage.at() !== before; ) {
    before = stage.at()
    await stage.press('j')
  }
  expect(stage.at()).toBe(urn)
}

const caseAddress = (filter = ''): string => `/cases/${encodeURIComponent('urn:case:c-4100')}${filter}`
const openCase = (options?: Options): Promise<Theatre> => open({ address: caseAddress('?filter=waiting'), ...options })
const figure = (words: string): string => {
  const box = [...document.querySelectorAll('dl div')].find((one) => one.querySelector('dt')?.textContent === words)
  return box?.querySelector('dd')?.textContent ?? ''
}

test('the board shows every case, and Enter opens the one under the focus', async () => {
  const { press, text, at } = await open({ flights: several() })
  expect(document.querySelectorAll('[role=row]')).toHaveLength(4)
  await press('j', 'j', 'k')
  const chosen = at()!
  await press('Enter')
  expect(location.pathname).toBe(`/cases/${encodeURIComponent(chosen)}`)
  expect(text('h1')).toContain('B6')
  await press('Escape')
  expect(location.pathname).toBe('/')
  expect(at()).toBe(chosen)
})

test('a partner that is down comes to the top at once, with how long it is left alone', async () => {
  const { press, world, passes, text } = await open({ flights: several() })
  await press('g', 'p')
  expect(location.pathname).toBe('/partners')
  expect(text('h1')).toBe('Partners')
  expect(document.querySelectorAll('[role=row]')).toHaveLength(4)
  world.partner('twilio', { breaker: 'OPEN', openUntil: new Date(Date.now() + 15_000).toISOString(), calls: 12, failed: 9, used: 12.5 })
  await passes(300)
  expect(figure('Left alone')).toBe('1')
  const first = document.querySelector('[role=row]')!.textContent
  expect(first).toContain('twilio')
  expect(first).toContain('Left alone for 0:1')
  expect(first).toContain('12.5 of 50')
  await press('2')
  expect(document.querySelectorAll('[role=row]')).toHaveLength(1)
  world.partner('twilio', { breaker: 'CLOSED', openUntil: null, failed: 0 })
  await press('1')
  await passes(300)
  expect(figure('Left alone')).toBe('0')
})

test('who waits for a room sees its turn, and why there is none while the line is stopped', async () => {
  const { press, world, passes } = await openCase()
  const waiting = [...world.subCases.values()].filter((one) => one.status === 'PENDING' && one.needsNight).slice(0, 1)
  const session = { id: 'other', operator: 'urn:operator:o-9', name: 'S. Over' }
  world.issue(waiting.map((one) => ({ urn: one.urn, version: one.version, fence: null })), 'k-1', session)
  world.topics.flush()
  await press('1')
  await passes(300)
  expect(world.queue('urn:case:c-4100').filter((one) => one.place !== null)).toHaveLength(1)
  const cells = (): string => [...document.querySelectorAll('[role=row]')].map((one) => one.textContent).join(' ')
  expect(cells()).toMatch(/1 in 0:0\d/)
  world.stop({ line: 'BOOKINGS', reason: 'A room cost nothing' } as never, session)
  world.topics.publish('sub-cases:urn:case:c-4100', waiting[0]!.urn)
  world.topics.flush()
  await passes(300)
  expect(cells()).toContain('stopped')
})

test('a stopped line is on every screen with its reason, until a supervisor resumes it', async () => {
  const { press, world, passes, text } = await open({ flights: several() })
  const supervisor = { id: 'other', operator: 'urn:operator:o-9', name: 'S. Over' }
  const made = world.stop({ line: 'BOOKINGS', partner: 'hotelbeds', airport: 'JFK', reason: 'A room cost nothing' }, supervisor)
  world.topics.flush()
  await passes(300)
  const banner = (): Element | null => document.querySelector('[data-stop]')
  expect(banner()?.textContent).toContain('Bookings at hotelbeds for JFK stopped')
  expect(banner()?.textContent).toContain('A room cost nothing')
  expect(banner()?.querySelector('button')?.disabled).toBe(true) // an airport operator sees why, and cannot resume
  await press('g', 'p')
  expect(banner()).not.toBeNull()
  expect(text()).toContain('Stop the line')
  world.resume({ line: 'BOOKINGS', stop: made.urn, reason: 'Mended' })
  world.topics.flush()
  await passes(300)
  expect(banner()).toBeNull()
})

test('the order stands still while somebody works; newcomers wait for the dot', async () => {
  const { press, world, passes, at, text } = await open({ flights: several() })
  await press('j')
  const before = at()
  world.declare(flight(9, seeded(99), 8))
  await passes(300)
  expect(document.querySelectorAll('[role=row]')).toHaveLength(4)
  expect(text()).toContain('1 new')
  expect(at()).toBe(before)
  await press('.')
  expect(document.querySelectorAll('[role=row]')).toHaveLength(5)
  expect(at()).toBe(before)
})

test('the focus follows its row, not its place', async () => {
  const { press, world, passes, at } = await open({ flights: several() })
  await press('End')
  const before = at()
  for (const urn of [...world.cases.keys()].slice(0, 2)) world.cases.delete(urn)
  world.topics.forget('e2')
  stage.wire.cut()
  await passes(3000)
  expect(document.querySelectorAll('[role=row]')).toHaveLength(2)
  expect(at()).toBe(before)
})

test('c claims, and it is mine only when the server has said so', async () => {
  const { press, world, row, at } = await openCase()
  await press('j', 'c')
  const urn = at()!
  expect(world.subCases.get(urn)?.lock?.holderName).toBe('Dana Whitfield')
  expect(row(urn)).toContain('You')
  expect(document.querySelector('[aria-label="1 lock of mine"]')).not.toBeNull()
  await press('r')
  expect(world.subCases.get(urn)?.lock?.holder).toBeNull()
  expect(row(urn)).not.toContain('You')
})

test('a colleague’s lock shows at once with the name, and c says why not', async () => {
  const { press, world, colleague, passes, row, at, text } = await openCase()
  await press('j')
  const urn = at()!
  world.acquire(urn, colleague)
  await passes(100)
  expect(row(urn)).toContain('A. Rossi')
  await press('c')
  expect(text('footer')).toContain('Claim: Ada Rossi is working on it.')
  expect(world.subCases.get(urn)?.lock?.holder).toBe(colleague.operator)
})

test('two claims at the same moment: the loser reads who won', async () => {
  const { press, world, colleague, at, row } = await openCase()
  await press('j')
  const urn = at()!
  world.subCases.get(urn)!.lock = { subCase: urn, fence: 1, holder: colleague.operator, holderName: colleague.name, session: colleague.id, since: world.now() }
  await press('c')
  expect(row(urn)).toContain('Ada Rossi has it')
})

test('one voucher: preview, send, and the focus goes to the next that waits', async () => {
  const { press, world, text, at, row } = await openCase({ fate: 0.5 })
  const first = workable(world)[0]!
  await press('j')
  await goTo(first.urn)
  await press('v')
  expect(text('aside')).toContain('Issue 1 voucher')
  expect(world.subCases.get(first.urn)?.status).toBe('PENDING')
  await press('Ctrl+Enter')
  expect(world.subCases.get(first.urn)?.status).toBe('PROCESSING')
  expect(row(first.urn)).toContain('Requested')
  expect(row(first.urn)).not.toContain('Booked')
  await press('Escape')
  expect(at()).not.toBe(first.urn)
  expect(workable(world).map((one) => one.urn)).toContain(at())
})

test('all workable at once: who is left out and why, then one summary', async () => {
  const { press, world, colleague, passes, text } = await openCase({ flights: [parties(60)] })
  const all = workable(world)
  await press('j', 'Ctrl+A')
  world.acquire(all[0]!.urn, colleague)
  await passes(100)
  await press('v')
  expect(text('aside')).toContain(`Issue ${all.length - 1} vouchers`)
  expect(text('aside')).toContain('Ada Rossi is working on it.')
  world.change(world.subCases.get(all[1]!.urn)!, { reachable: false })
  await press('Ctrl+Enter')
  expect(figure('Requested')).toBeTruthy()
  expect(text('aside')).toContain('It changed after you saw it.')
  expect(world.subCases.get(all[0]!.urn)?.status).toBe('PENDING')
  expect([...world.subCases.values()].filter((one) => one.status === 'PROCESSING')).toHaveLength(all.length - 2)
  await press('Escape')
  expect(text()).toContain('1 selected')
})

test('sending again after a cut doubles nothing', async () => {
  const { press, world, text, passes, at } = await openCase()
  await press('j')
  await goTo(workable(world)[0]!.urn)
  await press('v')
  const issue = vi.spyOn(world, 'issue')
  const cut = issue.mockImplementationOnce((...given) => {
    const answer = world.issue(...given)
    stage.wire.cut()
    return answer
  })
  await press('Ctrl+Enter')
  expect(cut).toHaveBeenCalled()
  expect(text('aside')).toContain('sending again doubles nothing')
  await passes(4000)
  await press('Ctrl+Enter')
  expect(text('aside')).toContain('Requested')
  expect(world.subCases.get(at()!)!.timeline.filter((line) => line.step === 'choose' && line.state === 'ASKED')).toHaveLength(1)
})

test('Space and Shift J select; Esc lets go of the selection before it leaves', async () => {
  const { press, text } = await openCase()
  await press('j', 'Space', 'Shift+J', 'Shift+J')
  expect(text()).toContain('3 selected')
  await press('Escape')
  expect(text()).not.toContain('selected')
  expect(location.pathname).toContain('/cases/')
  await press('Escape')
  expect(location.pathname).toBe('/')
})

test('t follows the steps live until the offer is ready', async () => {
  const { press, world, text, passes } = await openCase({ fate: 0.5 })
  await press('j')
  await goTo(workable(world)[0]!.urn)
  await press('v', 'Ctrl+Enter', 'Escape')
  await press('k', 't')
  await passes(2000)
  const steps = (): string => text('aside ol')
  expect(steps()).toContain('Choose hotels')
  expect(steps()).not.toContain('Publish the offer')
  await passes(6000)
  expect(steps()).toContain('Publish the offer')
  expect(text('aside')).toContain('Offer ready')
})

test('a decline is told in the event strip, and opens where it happened', async () => {
  const { press, world, text, passes } = await openCase({ fate: 0.9 })
  await press('j')
  await goTo(workable(world)[0]!.urn)
  await press('v', 'Ctrl+Enter', 'Escape')
  await passes(25_000)
  expect(text('[data-region=events]')).toContain('declined')
  expect(text('[data-region=rail]')).toContain('Review')
})

test('letters do nothing in a field, and / and Esc go in and out of it', async () => {
  const { press, world } = await openCase()
  await press('/')
  expect(document.activeElement?.id).toBe('search')
  await press('c', 'v')
  expect([...world.subCases.values()].some((one) => one.lock)).toBe(false)
  await press('Escape')
  expect(document.activeElement?.getAttribute('role')).toBe('grid')
})

test('letters can be switched off for those who dictate', async () => {
  const { press, at, keyboard } = await openCase()
  keyboard.setLetters(false)
  await press('j')
  expect(at()).toBeNull()
  await press('ArrowDown')
  expect(at()).not.toBeNull()
})

test('the digits choose filters and the address keeps them', async () => {
  const { press } = await openCase()
  await press('4')
  expect(location.search).toContain('filter=ready')
  await press('1')
  expect(location.search).not.toContain('filter')
})

test('? lists the keys, Esc closes it, and nothing beneath is pressed meanwhile', async () => {
  const { press, text, at } = await openCase()
  await press('?')
  expect(text('dialog')).toContain('Issue voucher')
  await press('j')
  expect(at()).toBeNull()
  await press('Escape')
  expect(document.querySelector('dialog')).toBeNull()
})

test('g h, g r and g b go to the screens there are', async () => {
  const { press, text } = await open()
  await press('g', 'h')
  expect(location.pathname).toBe('/hotels')
  expect(text('h1')).toBe('Hotels')
  await press('g', 'r')
  expect(location.pathname).toBe('/reviews')
  await press('g', 'b')
  expect(location.pathname).toBe('/')
})

test('F6 walks the regions', async () => {
  const { press } = await open()
  const walked: string[] = []
  for (let count = 0; count < 6; count += 1) {
    await press('F6')
    walked.push((document.activeElement as HTMLElement).dataset.region ?? '')
  }
  expect([...walked].sort()).toEqual(['events', 'grid', 'inspector', 'keys', 'rail', 'status'])
})

test('without a line the old numbers stay, and everything says as of when', async () => {
  const { wire, passes, text, world } = await open({ flights: several() })
  wire.away = true
  wire.cut()
  await passes(100)
  expect(text('[role=alert]')).toMatch(/No connection\. Everything below is as of \d\d:\d\d:\d\d/)
  expect(document.querySelectorAll('[role=row]')).toHaveLength(world.cases.size)
  wire.away = false
  await passes(5000)
  expect(text('[role=alert]')).not.toContain('No connection')
})

test('a lost session says which locks went with it', async () => {
  const { press, wire, passes, text, world } = await openCase()
  await press('j', 'c')
  wire.cut()
  for (const row of world.subCases.values()) if (row.lock?.session === 'dana-1') row.lock = { ...row.lock, holder: null, session: null }
  await passes(5000)
  expect(text('[role=alert]')).toContain('a lock went with the old one')
  expect(document.querySelector('[aria-label="0 locks of mine"]')).not.toBeNull()
})

test('an address that names no case says so', async () => {
  const { passes, text } = await open({ address: '/cases/urn%3Acase%3Anowhere' })
  await passes(500)
  expect(text('[role=grid]')).toContain('There is no such case')
})

test('t shows what is being done, and what partners were asked and said', async () => {
  const { press, passes, text, world } = await openCase({ fate: 0.5 })
  await press('j')
  await goTo(workable(world)[0]!.urn)
  await press('v', 'Ctrl+Enter', 'Escape')
  await press('k', 't')
  await passes(2400)
  expect(text('aside')).toContain('What partners were asked')
  expect(text('aside')).toContain('Book a hotel')
  expect(text('aside')).toContain('nobody knows, no answer within 85 s')
  await passes(12_000)
  expect(text('aside')).toContain('Looked up: ok, found')
  expect(text('aside')).toContain('Issue a card')
})

/** A sub-case given up, and the Review screen over it. */
async function inReview(fate: number): Promise<Theatre> {
  const made = await openCase({ fate })
  await made.press('j')
  await goTo(workable(made.world)[0]!.urn)
  await made.press('v', 'Ctrl+Enter', 'Escape')
  await made.passes(2500)
  await made.press('g', 'r')
  await made.passes(200)
  await made.press('j')
  return made
}

async function write(selector: string, words: string): Promise<void> {
  const field = document.querySelector<HTMLTextAreaElement>(selector)!
  const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')!.set!
  await act(async () => {
    set.call(field, words)
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })
}

test('a review is claimed with c and ended with x and a reason', async () => {
  const { press, passes, text, world } = await inReview(0.95)
  const [review] = [...world.reviews.values()]
  await press('c')
  expect(review!.claimedName).toBe('Dana Whitfield')
  expect(text('aside')).toContain('In the hands of Dana Whitfield')
  await press('x')
  expect(text('aside')).toContain('Resolve: Booking failed')
  await press('Ctrl+Enter')
  expect(review!.resolvedAt).toBeNull()
  await write('textarea', 'placed by telephone')
  await press('Ctrl+Enter')
  await passes(100)
  expect(review!.decision).toEqual({ finding: null, reason: 'placed by telephone' })
  expect(document.querySelectorAll('[role=row][data-urn]')).toHaveLength(0)
})

test('where nobody knows what a partner did, x asks what was found', async () => {
  const { press, passes, text, world } = await inReview(0.98)
  const [review] = [...world.reviews.values()]
  await press('x')
  expect(text('aside')).toContain('There is nothing')
  await write('textarea', 'rang the hotel')
  await press('Ctrl+Enter')
  expect(review!.decision).toBeNull()
  await act(async () => document.querySelectorAll<HTMLInputElement>('input[name=finding]')[1]!.click())
  await press('Ctrl+Enter')
  expect(review!.decision).toEqual({ finding: 'ABSENT', reason: 'rang the hotel' })
  expect(text('aside')).toContain('The partner is being asked')
  await passes(1600)
  expect(review!.resolvedAt).not.toBeNull()
})

test('a review in a colleague’s hands says so and stays there', async () => {
  const { press, text, world, colleague } = await inReview(0.95)
  const [review] = [...world.reviews.values()]
  world.claimReview(review!.urn, review!.version, colleague)
  await press('c')
  expect(text('aside')).toContain('Ada Rossi is working on it.')
  expect(review!.claimedBy).toBe(colleague.operator)
})
