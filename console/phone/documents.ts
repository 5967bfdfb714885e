/** The ids of the passenger's trusted documents, taken from the committed files: a changed file can never be asked for by an old id. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

const folder = resolve(import.meta.dirname, '../../schema/documents/passenger')

const id = (name: string): string => `sha256:${createHash('sha256').update(readFileSync(resolve(folder, `${name}.graphql`))).digest('hex')}`

export const documentIds = (): Record<'offer' | 'accept' | 'decline', string> => ({ offer: id('offer'), accept: id('accept'), decline: id('decline') })
