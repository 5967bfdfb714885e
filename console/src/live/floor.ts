/** What the whole tab follows, whatever screen is open: the cases, every held lock, what happened without me, and who I am. */
import type { Link } from '../api/link'
import { type CaseBoardData, type CaseRow, caseBoard } from '../pages/board/board'
import type { LockState } from '../pages/case/case'
import { type StopRow, type StoppedLinesData, stoppedLines } from '../parts/lines'
import { type AlertLine, type AlertsData, type LockHoldersData, type MeData, alerts, lockHolders, me, subCaseHome } from '../parts/shell'
import { Collection, type Row } from './collection'
import { Feed } from './feed'
import { Store } from './store'

export type Viewer = MeData['me']

/** A lock as a row: its fence rises with each change of hands, and a release comes after the claim of the same fence. */
export interface LockRow extends LockState, Row {}

export const lockOrder = (lock: LockState | null): number => (lock ? lock.fence * 2 + (lock.holder ? 0 : 1) : 0)

const asRow = (lock: LockState): LockRow => ({ ...lock, urn: lock.subCase, version: lockOrder(lock) })

const kept = 200 // lines of the event strip; older ones are in the audit

export class Floor {
  readonly cases = new Collection<CaseRow>()
  readonly locks = new Collection<LockRow>()
  /** What is stopped; one that is over stays, marked as such, until the next snapshot. */
  readonly stops = new Collection<StopRow>()
  readonly events = new Store<readonly AlertLine[]>([])
  readonly viewer = new Store<Viewer | null>(null)
  /** Set when a reconnect gave this tab another session: the locks of the old one are gone. */
  readonly lostLocks = new Store<readonly string[]>([])

  constructor(readonly link: Link) {
    link.connection.subscribe(() => void this.introduce())
  }

  open(): void {
    new Feed<CaseBoardData, CaseBoardData['caseBoard']>(this.link, caseBoard as never, {}, (data) => data.caseBoard, (batch) => this.cases.take(batch.items, batch.snapshot))
    new Feed<LockHoldersData, LockHoldersData['lockHolders']>(this.link, lockHolders as never, {}, (data) => data.lockHolders, (batch) =>
      this.locks.take(batch.items.map(asRow), batch.snapshot),
    )
    new Feed<AlertsData, AlertsData['alerts']>(this.link, alerts as never, {}, (data) => data.alerts, (batch) => this.tell(batch.items))
    new Feed<StoppedLinesData, StoppedLinesData['stoppedLines']>(this.link, stoppedLines as never, {}, (data) => data.stoppedLines, (batch) => this.stops.take(batch.items, batch.snapshot))
    this.link.open()
  }

  /** What a lock command answered, ahead of the push. */
  learnLock(lock: LockState): void {
    this.locks.take([asRow(lock)], false)
  }

  /** The case a sub-case belongs to; null when there is none (any more) or nobody could be asked. */
  async caseOf(subCase: string): Promise<string | null> {
    try {
      return (await this.link.ask(subCaseHome, { urn: subCase })).subCase?.case ?? null
    } catch {
      return null
    }
  }

  readonly isMine = (lock: LockState | null | undefined): boolean => {
    const session = this.viewer.get()?.session
    return lock?.holder != null && session !== undefined && lock.session === session
  }

  private tell(items: readonly AlertLine[]): void {
    const known = new Set(this.events.get().map((one) => one.urn))
    const fresh = items.filter((one) => !known.has(one.urn))
    if (fresh.length === 0) return
    this.events.set([...this.events.get(), ...fresh].sort((a, b) => b.at.localeCompare(a.at)).slice(0, kept))
  }

  private async introduce(): Promise<void> {
    const before = this.viewer.get()
    const mine = this.locks.all().filter(this.isMine)
    try {
      const { me: viewer } = await this.link.ask(me, {})
      if (before && before.session !== viewer.session) this.lostLocks.set(mine.map((lock) => lock.subCase))
      this.viewer.set(viewer)
    } catch {
      // The connection went again; the next one introduces itself.
    }
  }
}
