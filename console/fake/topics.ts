/**
 * The fake's feed, with the promises of the real one: `seq` is `epoch:n` and counts a topic's batches, the last 1,000 are kept, a
 * subscriber that names the last `seq` it saw gets what it missed, or a snapshot when that is too long ago or of another epoch.
 */
export interface Batch<Item> {
  seq: string
  snapshot: boolean
  items: Item[]
}

const ring = 1000

export class Topics {
  private readonly topics = new Map<string, Topic>()
  private pending = new Map<string, Set<string>>()

  constructor(private epoch: string) {}

  /** Something a topic's screens show has changed; told at the next `flush`, once per URN. */
  publish(topic: string, urn: string): void {
    const urns = this.pending.get(topic) ?? new Set()
    this.pending.set(topic, urns.add(urn))
  }

  flush(): void {
    const due = this.pending
    this.pending = new Map()
    for (const [name, urns] of due) this.topic(name).push([...urns])
  }

  /** A server that lost its memory: every subscriber must take a snapshot. */
  forget(epoch: string): void {
    this.epoch = epoch
    this.topics.clear()
  }

  /** Batches from `after` on; `read` gives the rows of some URNs, or all of them for a snapshot. */
  async *follow<Item>(name: string, after: string | null | undefined, read: (urns?: string[]) => Item[]): AsyncGenerator<Batch<Item>> {
    const topic = this.topic(name)
    const waiting = new Queue<[number, string[]]>()
    const stop = topic.listen((n, urns) => waiting.put([n, urns]))
    try {
      const missed = topic.since(this.place(after))
      if (missed) for (const one of missed) waiting.put(one)
      else yield { seq: this.seq(topic.count), snapshot: true, items: read() }
      for (;;) {
        const [n, urns] = await waiting.take()
        yield { seq: this.seq(n), snapshot: false, items: read(urns) }
      }
    } finally {
      stop()
    }
  }

  private topic(name: string): Topic {
    const topic = this.topics.get(name) ?? new Topic()
    this.topics.set(name, topic)
    return topic
  }

  private seq(n: number): string {
    return `${this.epoch}:${n}`
  }

  private place(after: string | null | undefined): number | undefined {
    const [epoch, n] = (after ?? '').split(':')
    return epoch === this.epoch ? Number(n) : undefined
  }
}

class Topic {
  count = 0
  private kept: Array<[number, string[]]> = []
  private readonly listeners = new Set<(n: number, urns: string[]) => void>()

  push(urns: string[]): void {
    this.count += 1
    this.kept.push([this.count, urns])
    if (this.kept.length > ring) this.kept.shift()
    for (const listener of this.listeners) listener(this.count, urns)
  }

  listen(listener: (n: number, urns: string[]) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  since(n: number | undefined): Array<[number, string[]]> | undefined {
    if (n === undefined || n > this.count) return undefined
    const missed = this.kept.filter(([one]) => one > n)
    return missed.length === this.count - n ? missed : undefined
  }
}

class Queue<Item> {
  private readonly items: Item[] = []
  private wake: (() => void) | undefined

  put(item: Item): void {
    this.items.push(item)
    this.wake?.()
  }

  async take(): Promise<Item> {
    while (this.items.length === 0) await new Promise<void>((resolve) => (this.wake = resolve))
    return this.items.shift()!
  }
}
