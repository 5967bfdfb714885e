// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Door, aTrip, anOfferedTrip } from '../fake'
import { draw } from './draw'
import { Page } from './page'

let page: Page | undefined

beforeEach(() => {
  vi.useFakeTimers()
  localStorage.clear()
  document.body.innerHTML = '<main id="page"></main>'
})
afterEach(() => {
  page?.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const text = (): string => document.getElementById('page')!.textContent ?? ''
const press = async (name: string): Promise<void> => {
  document.querySelector<HTMLElement>(`[data-name='${name}']`)!.click()
  await vi.advanceTimersByTimeAsync(0)
}

async function open(door: Door, address = '/?token=link'): Promise<void> {
  vi.stubGlobal('fetch', door.fetch)
  history.replaceState(null, '', address)
  const root = document.getElementById('page')!
  const opened: Page = new Page((view) => draw(root, view, opened), () => 0.5)
  page = opened
  await opened.start()
}

/** The same phone, the page opened again. */
async function reopen(door: Door, address = '/'): Promise<void> {
  page?.stop()
  await open(door, address)
}

test('the link signs in once and leaves the address', async () => {
  await open(new Door(aTrip()))
  expect(location.search).toBe('')
  expect(text()).toContain('We are working on a room for you')
  expect(text()).toContain('B6415')
})

test('a room arrives by itself', async () => {
  const door = new Door(aTrip())
  await open(door)
  door.trip = anOfferedTrip()
  await vi.advanceTimersByTimeAsync(30_000)
  expect(text()).toContain('Harbor Point Inn')
  expect(document.querySelector('figure path')?.getAttribute('d')).toBe(door.trip.offer!.qr)
  expect(document.querySelector<HTMLAnchorElement>('a[href^="tel:"]')?.href).toBe('tel:+17185550142')
})

test('nothing is sent before it is confirmed, and going back sends nothing', async () => {
  const door = new Door(anOfferedTrip())
  await open(door)
  await press('decline')
  expect(text()).toContain('Give this room back?')
  await press('keep')
  expect(door.answers).toEqual([])
  expect(text()).toContain('Accept the room')
})

test('an accepted room is confirmed by the next version, not by the button', async () => {
  const door = new Door(anOfferedTrip())
  await open(door)
  await press('accept')
  await press('confirm')
  expect(door.answers).toEqual([{ choice: 'accept', version: 2 }])
  await vi.advanceTimersByTimeAsync(5000)
  expect(text()).toContain('Your room is confirmed')
  expect(document.querySelector('.answers')).toBeNull()
})

test('an answer that meets a rebuilding store waits as told and is sent again', async () => {
  const door = new Door(anOfferedTrip())
  door.rebuilding = 2
  await open(door)
  await press('accept')
  await press('confirm')
  expect(door.answers).toEqual([])
  expect(text()).toContain('Your answer is kept')
  await vi.advanceTimersByTimeAsync(800)
  expect(door.asked.filter((one) => one === 'POST /graphql')).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(8000)
  expect(door.answers).toEqual([{ choice: 'accept', version: 2 }])
  expect(text()).toContain('All set')
})

test('an answer given without network is sent when the page is opened again', async () => {
  const door = new Door(anOfferedTrip())
  await open(door)
  door.down = true
  await press('decline')
  await press('confirm')
  door.down = false
  await reopen(door)
  await vi.advanceTimersByTimeAsync(5000)
  expect(door.answers).toEqual([{ choice: 'decline', version: 2 }])
  expect(text()).toContain('You declined the room')
})

test('an offer that changed meanwhile is shown, and asked again', async () => {
  const door = new Door(anOfferedTrip())
  await open(door)
  door.trip = { ...door.trip, version: 3 }
  await press('accept')
  await press('confirm')
  await vi.advanceTimersByTimeAsync(3000)
  expect(door.answers).toEqual([])
  expect(text()).toContain('The offer changed after you saw it.')
  await press('accept')
  await press('confirm')
  expect(door.answers).toEqual([{ choice: 'accept', version: 3 }])
})

test('the last copy is readable without network, and says how old it is', async () => {
  const door = new Door(anOfferedTrip())
  await open(door)
  door.down = true
  await reopen(door)
  expect(text()).toContain('Harbor Point Inn')
  expect(text()).toMatch(/No connection.*Shown as of \d\d:\d\d/)
  expect(document.querySelector('figure path')).not.toBeNull()
})

test('nothing new costs the door one 304', async () => {
  const door = new Door(anOfferedTrip())
  await open(door)
  const before = document.querySelector('h1')?.textContent
  await vi.advanceTimersByTimeAsync(60_000)
  expect(door.asked.filter((one) => one === 'GET /graphql').length).toBeGreaterThan(1)
  expect(document.querySelector('h1')?.textContent).toBe(before)
})

test('a link opened twice on the same phone still opens the trip', async () => {
  const door = new Door(anOfferedTrip())
  await open(door)
  await reopen(door, '/?token=link')
  expect(location.search).toBe('')
  expect(text()).toContain('Harbor Point Inn')
})

test('a sign-in whose answer was lost is asked for again, also by the page opened anew', async () => {
  const door = new Door(anOfferedTrip())
  door.lost = 2
  await open(door)
  expect(location.search).toBe('?token=link')
  await reopen(door, '/?token=link')
  expect(text()).toContain('No connection')
  await vi.advanceTimersByTimeAsync(10_000)
  expect(text()).toContain('Harbor Point Inn')
  expect(location.search).toBe('')
  expect(new Set(door.nonces).size).toBe(1)
})

test('every sign-in has a nonce of its own', async () => {
  const door = new Door(anOfferedTrip())
  await open(door)
  await reopen(door, '/?token=link')
  expect(new Set(door.nonces).size).toBe(2)
  expect(door.nonces.every((nonce) => /^[0-9a-f]{32}$/.test(nonce))).toBe(true)
})

test('a used link on another phone says what to do', async () => {
  const door = new Door(anOfferedTrip())
  await open(door)
  localStorage.clear()
  await reopen(door, '/?token=link')
  expect(text()).toContain('This link has been used or has ended')
})

test('no link and no session says where to find one', async () => {
  await open(new Door(aTrip()), '/')
  expect(text()).toContain('Please open the link from your message')
})

test('a link that cannot be used yet stays in the address, for a reload', async () => {
  const door = new Door(aTrip())
  door.down = true
  await open(door)
  expect(location.search).toBe('?token=link')
  door.down = false
  await vi.advanceTimersByTimeAsync(5000)
  expect(location.search).toBe('')
  expect(text()).toContain('Finding you a room')
})
