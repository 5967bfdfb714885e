import { expect, test, vi } from 'vitest'
import { Collection } from './collection'
import { mergeSubCase } from '../pages/case/rows'
import type { SubCaseRow } from '../pages/case/case'

interface Thing {
  urn: string
  version: number
  words: string
}

const thing = (urn: string, version: number, words = ''): Thing => ({ urn, version, words })

function collection(): { rows: Collection<Thing>; frame(): void } {
  let pending: (() => void) | undefined
  const rows = new Collection<Thing>(undefined, (flush) => (pending = flush))
  return {
    rows,
    frame: () => {
      const flush = pending
      pending = undefined
      flush?.()
    },
  }
}

test('a row yields only to a newer one, however the pushes arrive', () => {
  const { rows } = collection()
  for (const one of [thing('a', 2, 'two'), thing('a', 1, 'one'), thing('a', 3, 'three'), thing('a', 2, 'two')]) rows.take([one], false)
  expect(rows.get('a')?.words).toBe('three')
})

test('a repeated push keeps the identity, so nothing renders again', () => {
  const { rows, frame } = collection()
  rows.take([thing('a', 1, 'one')], true)
  frame()
  const before = rows.get('a')
  const listener = vi.fn()
  rows.subscribeRow('a', listener)
  rows.take([thing('a', 1, 'one')], false)
  frame()
  expect(rows.get('a')).toBe(before)
  expect(listener).not.toHaveBeenCalled()
})

test('many changes within a frame are told once', () => {
  const { rows, frame } = collection()
  const listener = vi.fn()
  rows.subscribe(listener)
  for (let version = 1; version <= 50; version += 1) rows.take([thing('a', version)], false)
  expect(listener).not.toHaveBeenCalled()
  frame()
  expect(listener).toHaveBeenCalledTimes(1)
})

test('only the changed row is told', () => {
  const { rows, frame } = collection()
  rows.take([thing('a', 1), thing('b', 1)], true)
  frame()
  const [a, b] = [vi.fn(), vi.fn()]
  rows.subscribeRow('a', a)
  rows.subscribeRow('b', b)
  rows.take([thing('b', 2)], false)
  frame()
  expect(a).not.toHaveBeenCalled()
  expect(b).toHaveBeenCalledTimes(1)
})

test('a snapshot is everything there is', () => {
  const { rows, frame } = collection()
  rows.take([thing('a', 1), thing('b', 1)], true)
  rows.take([thing('b', 1)], true)
  frame()
  expect(rows.all().map((row) => row.urn)).toEqual(['b'])
})

test('an old snapshot does not put a row back', () => {
  const { rows } = collection()
  rows.take([thing('a', 5, 'new')], false)
  rows.take([thing('a', 4, 'old')], true)
  expect(rows.get('a')?.words).toBe('new')
})

test('a command’s answer does not bring in a row the feed has not shown', () => {
  const { rows } = collection()
  rows.learn([thing('stranger', 1)])
  expect(rows.get('stranger')).toBeUndefined()
})

const row = (version: number, lock: SubCaseRow['lock']): SubCaseRow => ({ urn: 's', version, lock }) as SubCaseRow
const held = (fence: number, holder: string | null): SubCaseRow['lock'] => ({ subCase: 's', fence, holder, holderName: holder, session: holder, since: null })

test('a lock that changed hands is newer without a new version of its row', () => {
  expect(mergeSubCase(row(3, held(1, 'ada')), row(3, held(1, null))).lock?.holder).toBeNull()
  expect(mergeSubCase(row(3, held(1, null)), row(3, held(1, 'ada'))).lock?.holder).toBeNull()
  expect(mergeSubCase(row(3, held(2, 'ben')), row(4, held(1, 'ada')))).toMatchObject({ version: 4, lock: { holder: 'ben' } })
})
