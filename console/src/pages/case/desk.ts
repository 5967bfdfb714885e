/** The commands of the Case screen. A lock is mine when the server says so; a voucher is *requested* when it is acknowledged. */
import { CommandError } from '../../api/link'
import type { Collection } from '../../live/collection'
import type { Floor } from '../../live/floor'
import { Store } from '../../live/store'
import { type IssueVoucherData, type SubCaseRow, acquireLock, issueVoucher, releaseLock } from './case'

export type Note = { words: string; at: number }

export type Refused = IssueVoucherData['issueVoucher']['refused'][number]

export interface Parcel {
  key: string
  rows: readonly SubCaseRow[]
}

const parcel = 100 // sub-cases per request: an answer within a moment, and a progress that moves
const noteLife = 6000 // ms a refusal stays in its row

export class Desk {
  /** Sub-cases whose claim is asked and not answered. */
  readonly claiming = new Store<ReadonlySet<string>>(new Set())
  /** What the server refused, beside the row it is about. */
  readonly notes = new Store<ReadonlyMap<string, Note>>(new Map())

  constructor(private readonly floor: Floor, private readonly rows: Collection<SubCaseRow>) {}

  async claim(urn: string): Promise<boolean> {
    if (this.claiming.get().has(urn)) return false
    this.claiming.set(new Set(this.claiming.get()).add(urn))
    try {
      const { acquireLock: answer } = await this.floor.link.ask(acquireLock, { subCase: urn })
      if (answer.__typename !== 'LockAcquired') return this.note(urn, answer.__typename === 'SubCaseLocked' && answer.holderName ? `${answer.holderName} has it` : answer.message)
      this.rows.learn([answer.subCase])
      if (answer.subCase.lock) this.floor.learnLock(answer.subCase.lock)
      return true
    } catch (error) {
      return this.note(urn, wordsOf(error))
    } finally {
      const rest = new Set(this.claiming.get())
      rest.delete(urn)
      this.claiming.set(rest)
    }
  }

  async release(urn: string): Promise<boolean> {
    try {
      const { releaseLock: answer } = await this.floor.link.ask(releaseLock, { subCase: urn })
      if (answer.__typename !== 'LockReleased') return this.note(urn, answer.message)
      const row = this.rows.get(urn)
      if (row) this.rows.learn([{ ...row, lock: answer.lock }])
      this.floor.learnLock(answer.lock)
      return true
    } catch (error) {
      return this.note(urn, wordsOf(error))
    }
  }

  /** The rows cut into requests, each with the key that makes sending it twice harmless. */
  parcels(rows: readonly SubCaseRow[]): Parcel[] {
    return Array.from({ length: Math.ceil(rows.length / parcel) }, (_, place) => ({ key: newKey(), rows: rows.slice(place * parcel, (place + 1) * parcel) }))
  }

  /** Sends one request as it was previewed: the versions and fences are those the operator saw. */
  async issue({ key, rows }: Parcel): Promise<IssueVoucherData['issueVoucher']> {
    const subCases = rows.map((row) => ({ urn: row.urn, version: row.version, fence: this.floor.isMine(row.lock) ? row.lock!.fence : null }))
    const { issueVoucher: answer } = await this.floor.link.ask(issueVoucher, { input: { subCases, idempotencyKey: key } })
    this.rows.learn(answer.requested)
    for (const refused of answer.refused) this.note(refused.urn, refused.message)
    return answer
  }

  private note(urn: string, words: string): false {
    const at = Date.now()
    this.notes.set(new Map(this.notes.get()).set(urn, { words, at }))
    setTimeout(() => {
      if (this.notes.get().get(urn)?.at !== at) return
      const rest = new Map(this.notes.get())
      rest.delete(urn)
      this.notes.set(rest)
    }, noteLife)
    return false
  }
}

export const wordsOf = (error: unknown): string => (error instanceof CommandError ? error.message : 'That did not work.')

/** Random bytes rather than `randomUUID`, which a page served by plain http on a hub's own host does not have. */
const newKey = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
