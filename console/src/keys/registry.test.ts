import { expect, test } from 'vitest'
import { meet, registry } from './registry'

test('no key means two things where both could be pressed', () => {
  const clashes = registry.flatMap((one, place) =>
    registry
      .slice(place + 1)
      .filter((other) => meet(one.scope, other.scope) && one.keys.some((key) => (other.keys as readonly string[]).includes(key)))
      .map((other) => `${one.id} / ${other.id}`),
  )
  expect(clashes).toEqual([])
})

test('no key is also the beginning of a longer one', () => {
  const all = registry.flatMap((one) => [...one.keys])
  const prefixes = all.filter((key) => key.includes(' ')).map((key) => key.split(' ')[0])
  expect(all.filter((key) => prefixes.includes(key))).toEqual([])
})

test('every id is used once', () => {
  expect(new Set(registry.map((one) => one.id)).size).toBe(registry.length)
})
