/**
 * One subscription, followed for as long as its screen is open.
 *
 * `seq` is `epoch:n`. A batch seen before is dropped; a hole asks for a fresh snapshot; after a lost connection the server is
 * told the last `seq` and answers with what was missed or with a snapshot. Nobody assumes that nothing was missed.
 */
import type { Document } from '../api/document'
import type { Follower, Link } from '../api/link'

export interface Batch {
  seq: string
  snapshot: boolean
}

const parse = (seq: string): [string, number] => {
  const cut = seq.lastIndexOf(':')
  return [seq.slice(0, cut), Number(seq.slice(cut + 1))]
}

export class Feed<Data, Taken extends Batch> implements Follower {
  /** Whether something has arrived since this connection began. */
  fresh = false
  private last: string | null = null
  private stop: (() => void) | undefined
  private closed = false
  private failures = 0

  constructor(
    private readonly link: Link,
    private readonly document: Document<Data, never>,
    private readonly variables: Record<string, unknown>,
    private readonly pick: (data: Data) => Taken,
    private readonly take: (batch: Taken) => void,
  ) {
    link.add(this)
  }

  /** Called by the link whenever a connection may be tried. */
  start(): void {
    this.halt()
    this.fresh = false
    const variables = { ...this.variables, after: this.last }
    this.stop = this.link.subscribe(this.document, variables, {
      next: (data) => this.receive(this.pick(data as Data)),
      end: () => {
        this.stop = undefined
        this.failures += 1
        if (!this.closed) this.link.lost(this, this.failures)
      },
    })
  }

  halt(): void {
    this.stop?.()
    this.stop = undefined
  }

  close(): void {
    this.closed = true
    this.halt()
    this.link.remove(this)
  }

  private receive(batch: Taken): void {
    if (this.closed) return
    if (!batch.snapshot) {
      const [epoch, n] = parse(batch.seq)
      const [seenEpoch, seen] = this.last === null ? ['', -1] : parse(this.last)
      if (epoch === seenEpoch && n <= seen) return
      if (epoch !== seenEpoch || n > seen + 1) return this.askAgain()
    }
    this.last = batch.seq
    this.take(batch)
    this.fresh = true
    this.failures = 0
    this.link.caughtUp()
  }

  private askAgain(): void {
    this.last = null
    this.halt()
    this.failures += 1
    this.link.lost(this, this.failures)
  }
}
