/** A wire without a socket: straight into the fake, with the faults of a real line to order. */
import type { ExecutionResult } from 'graphql'
import type { Ears, Request, Sink, Wire } from '../src/api/link'
import { Endpoint } from './schema.ts'
import type { Session, World } from './world.ts'

export class LocalWire implements Wire {
  private readonly endpoint: Endpoint
  private readonly running = new Set<{ sink: Sink; stop(): void }>()
  private readonly pings: ReturnType<typeof setInterval>
  private opened = false
  /** Rewrites what a subscription delivers: drop, repeat, reorder. */
  tamper: (answers: unknown[]) => unknown[] = (answers) => answers
  /** A server that cannot be reached. */
  away = false
  /** A line that is up and says nothing, not even a ping. */
  silent = false
  private count = 0
  session: Session

  constructor(private readonly world: World, private readonly ears: Ears, private readonly name = 'Dana Whitfield') {
    this.endpoint = new Endpoint(world)
    this.session = this.nextSession()
    this.pings = setInterval(() => this.opened && !this.silent && ears.heard(), 2000)
  }

  subscribe(request: Request, sink: Sink): () => void {
    const one = { sink, stopped: false, stop: () => void (one.stopped = true) }
    this.running.add(one)
    void this.run(request, one)
    return () => {
      one.stopped = true
      this.running.delete(one)
    }
  }

  /** The line is cut: everything ends without an answer, and the session with it. */
  cut(): void {
    this.opened = false
    this.world.alive.delete(this.session.id)
    this.session = this.nextSession()
    const lost = [...this.running]
    this.running.clear()
    this.ears.gone(false)
    for (const one of lost) {
      one.stop()
      one.sink.error(new Error('cut'))
    }
  }

  close(): void {
    clearInterval(this.pings)
    for (const one of this.running) one.stop()
  }

  private async run(request: Request, one: { sink: Sink; stopped: boolean }): Promise<void> {
    await Promise.resolve()
    if (this.away) return this.ears.gone(false)
    if (!this.opened) {
      this.opened = true
      this.world.alive.add(this.session.id)
      this.ears.opened()
    }
    const answer = await this.endpoint.run(request.query, request.variables, this.session)
    this.ears.heard()
    if (one.stopped) return
    if (!(Symbol.asyncIterator in answer)) {
      one.sink.next(answer as never)
      return one.sink.complete()
    }
    for await (const next of answer as AsyncIterable<ExecutionResult>) {
      if (one.stopped) return
      this.ears.heard()
      for (const said of this.tamper([next])) one.sink.next(said as never)
    }
  }

  private nextSession(): Session {
    this.count += 1
    const first = this.name.split(' ')[0]!.toLowerCase()
    return { id: `${first}-${this.count}`, operator: `urn:operator:${first}`, name: this.name }
  }
}
