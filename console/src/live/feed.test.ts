import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LocalWire } from '../../fake/local'
import { flight, seeded } from '../../fake/storm'
import { World } from '../../fake/world'
import { Link } from '../api/link'
import { Floor } from './floor'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Stage {
  world: World
  floor: Floor
  link: Link
  wire(): LocalWire
  passes(milliseconds: number): Promise<void>
}

async function stage(): Promise<Stage> {
  const world = new World()
  const random = seeded(7)
  world.declare(flight(0, random, 6))
  world.declare(flight(1, random, 6))
  let wire: LocalWire | undefined
  const link = new Link((ears) => (wire = new LocalWire(world, ears)), () => 0.5)
  const floor = new Floor(link)
  floor.open()
  const passes = async (milliseconds: number): Promise<void> => void (await vi.advanceTimersByTimeAsync(milliseconds))
  await passes(300)
  return { world, floor, link, wire: () => wire!, passes }
}

const board = (floor: Floor) => Object.fromEntries(floor.cases.all().map((row) => [row.urn, row]))
const truth = (world: World) => Object.fromEntries(world.cases)

const firstOf = (world: World) => [...world.subCases.values()].find((row) => row.status === 'PENDING' && !row.mixedTier && row.guests.adults > 0)!

function touch(world: World): void {
  world.change(firstOf(world), { reason: `touched at ${world.now()}` })
  world.advance(50)
}

test('what was pushed equals what a fresh screen reads', async () => {
  const { world, floor, passes } = await stage()
  for (let count = 0; count < 5; count += 1) touch(world)
  await passes(300)
  expect(board(floor)).toEqual(truth(world))
})

test.each([
  ['repeated', (answers: unknown[]) => [...answers, ...answers]],
  ['dropped now and then', (answers: unknown[]) => (Math.floor(Date.now() / 7) % 3 === 0 ? [] : answers)],
])('pushes that are %s end in the same picture', async (_, tamper) => {
  const { world, floor, wire, passes } = await stage()
  wire().tamper = tamper
  for (let count = 0; count < 12; count += 1) {
    touch(world)
    await passes(45)
  }
  wire().tamper = (answers) => answers
  touch(world)
  await passes(5000)
  expect(board(floor)).toEqual(truth(world))
})

test('a hole asks for a fresh snapshot', async () => {
  const { world, floor, wire, passes } = await stage()
  wire().tamper = () => []
  touch(world)
  await passes(50)
  wire().tamper = (answers) => answers
  world.advance(10)
  touch(world)
  await passes(50)
  expect(board(floor)).not.toEqual(truth(world))
  await passes(2000)
  expect(board(floor)).toEqual(truth(world))
})

test('a cut line keeps the old picture, says so, and catches up by itself', async () => {
  const { world, floor, link, wire, passes } = await stage()
  const before = board(floor)
  wire().away = true
  wire().cut()
  expect(link.state.get().phase).toBe('down')
  touch(world)
  await passes(5000)
  expect(board(floor)).toEqual(before)
  wire().away = false
  await passes(12_000)
  expect(link.state.get().phase).toBe('live')
  expect(board(floor)).toEqual(truth(world))
})

test('a server that lost its memory is believed from its snapshot on', async () => {
  const { world, floor, wire, passes } = await stage()
  world.topics.forget('e2')
  wire().cut()
  touch(world)
  await passes(5000)
  expect(board(floor)).toEqual(truth(world))
})

test('silence is late, any word makes it live again', async () => {
  const { link, world, wire, passes } = await stage()
  await passes(20_000)
  expect(link.state.get().phase).toBe('live')
  wire().silent = true
  await passes(6500)
  expect(link.state.get().phase).toBe('late')
  touch(world)
  await passes(100)
  expect(link.state.get().phase).toBe('live')
})

test('the waits grow and are never the same for two tabs', async () => {
  const { link, wire, passes } = await stage()
  wire().away = true
  wire().cut()
  const waits: number[] = []
  for (let count = 0; count < 4; count += 1) {
    const { retryAt } = link.state.get()
    waits.push(retryAt! - Date.now())
    await passes(retryAt! - Date.now() + 10)
  }
  expect(waits).toEqual([...waits].sort((a, b) => a - b))
  expect(new Set(waits).size).toBe(4)
})

test('a command without a line is refused at once and not sent later', async () => {
  const { world, link, floor, wire, passes } = await stage()
  wire().away = true
  wire().cut()
  const { acquireLock } = await import('../pages/case/case')
  await expect(link.ask(acquireLock, { subCase: firstOf(world).urn })).rejects.toThrow('nothing was sent')
  wire().away = false
  await passes(6000)
  expect(firstOf(world).lock).toBeNull()
  expect(floor.viewer.get()?.session).toBe('dana-2')
})

test('an alert is told once, however often it is pushed', async () => {
  const { world, floor, wire, passes } = await stage()
  wire().tamper = (answers) => [...answers, ...answers]
  const row = firstOf(world)
  world.alerts.push({ urn: 'urn:event:1', at: world.now(), kind: 'offer.declined', case: row.case, subCase: row.urn, message: 'declined' })
  world.topics.publish('alerts', 'urn:event:1')
  world.advance(10)
  await passes(100)
  expect(floor.events.get().map((one) => one.urn)).toEqual(['urn:event:1'])
})
