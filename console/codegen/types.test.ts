import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { buildSchema } from 'graphql'
import { contract, generate, generateTypes } from './types.ts'

const root = resolve(import.meta.dirname, '..')
const documents = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.graphql'))
  .map((name) => `src/${name}`)
  .sort()

test('there are documents', () => expect(documents.length).toBeGreaterThan(3))

test.each(documents)('%s is allowed by the contract and its types are current', async (path) => {
  const text = readFileSync(join(root, path), 'utf8')
  await expect(generate(contract('operator'), { path, text })).toMatchFileSnapshot(`../${path.replace('.graphql', '.ts')}`)
})

test('the types of the passenger’s documents are current', async () => {
  const folder = resolve(root, '../schema/documents/passenger')
  const sources = readdirSync(folder).sort().map((name) => ({ path: name, text: readFileSync(join(folder, name), 'utf8') }))
  await expect(generateTypes(contract('passenger'), sources)).toMatchFileSnapshot('../phone/src/documents.ts')
})

test('a document the contract refuses is an error that says why', () => {
  const schema = buildSchema('type Query { trip: String }')
  expect(() => generate(schema, { path: 'src/a.graphql', text: 'query Trip { voyage }' })).toThrow(/voyage/)
})
