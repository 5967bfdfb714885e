/**
 * The one socket of this tab and how well it is: live → late → down → catching up → live.
 *
 * Late means nothing heard for 4.5 s, pings included. A lost connection is tried again with a growing, jittered wait, so that a
 * restarted gateway is not stampeded; old rows stay readable meanwhile. Commands are never kept for later: what could not be sent
 * is refused at once and says so, what was sent and not answered says that instead.
 */
import { Store } from '../live/store'
import type { Document } from './document'

export interface Request {
  query: string
  operationName: string
  variables: Record<string, unknown>
}

export interface Sink {
  next(result: { data?: unknown; errors?: ReadonlyArray<{ message: string; extensions?: Record<string, unknown> }> | null }): void
  error(reason: unknown): void
  complete(): void
}

/** A socket that speaks GraphQL; `connect.ts` makes the real one, tests a local one. */
export interface Wire {
  subscribe(request: Request, sink: Sink): () => void
  close(): void
}

export interface Ears {
  /** Anything at all was received. */
  heard(): void
  opened(): void
  /** The socket is gone; `signedOut` when no new token can be had. */
  gone(signedOut: boolean): void
}

export interface Follower {
  fresh: boolean
  start(): void
  halt(): void
}

export type Phase = 'connecting' | 'live' | 'late' | 'down' | 'catching up' | 'signed out'

export interface LinkState {
  phase: Phase
  /** When anything was last heard: the *as of* of every figure. */
  heardAt: number
  /** When the next try is due; null while one is under way, or none is needed. */
  retryAt: number | null
}

export class CommandError extends Error {
  override name = 'CommandError'
}

const lateAfter = 4500
const catchUpPatience = 2000 // a server with nothing new to say sends nothing
const waits = [250, 1000, 2000, 4000, 8000, 15_000] as const

export class Link {
  readonly state: Store<LinkState>
  /** Raised with every new connection; what belongs to one connection (the session) is read again. */
  readonly connection = new Store(0)
  private wire: Wire | undefined
  private readonly followers = new Set<Follower>()
  private attempts = 0
  private waiting = false // for the next try
  private tries = 0
  private retry: ReturnType<typeof setTimeout> | undefined
  private readonly watch: ReturnType<typeof setInterval>

  constructor(private readonly connect: (ears: Ears) => Wire, private readonly random: () => number = Math.random) {
    this.state = new Store<LinkState>({ phase: 'connecting', heardAt: Date.now(), retryAt: null })
    this.watch = setInterval(() => this.listen(), 500)
  }

  open(): void {
    this.wire ??= this.connect({ heard: () => this.heard(), opened: () => this.opened(), gone: (signedOut) => this.gone(signedOut) })
    for (const follower of this.followers) follower.start()
  }

  close(): void {
    clearInterval(this.watch)
    clearTimeout(this.retry)
    for (const follower of [...this.followers]) follower.halt()
    this.wire?.close()
  }

  add(follower: Follower): void {
    this.followers.add(follower)
    if (this.wire && !this.waiting) follower.start()
  }

  remove(follower: Follower): void {
    this.followers.delete(follower)
  }

  /** A follower's stream ended though the socket may be well: it starts again after a wait that grows with its failures. */
  lost(follower: Follower, failures: number): void {
    const { tries } = this
    setTimeout(() => {
      if (this.followers.has(follower) && tries === this.tries && !this.waiting) follower.start()
    }, this.jittered(waits[Math.min(failures, waits.length) - 1]!))
  }

  /** Whether everything on screen has been confirmed by this connection. */
  caughtUp(): void {
    if (this.phase === 'catching up' && [...this.followers].every((one) => one.fresh)) this.become('live')
  }

  subscribe<Data>(document: Document<Data, never>, variables: Record<string, unknown>, sink: { next(data: Data): void; end(reason: unknown): void }): () => void {
    if (!this.wire) return () => undefined
    return this.wire.subscribe(
      { query: document.text, operationName: document.name, variables },
      {
        next: ({ data, errors }) => (errors?.length ? sink.end(errors) : sink.next(data as Data)),
        error: (reason) => sink.end(reason),
        complete: () => sink.end(null),
      },
    )
  }

  /** Sends a command or a question once and gives its answer. Throws `CommandError` with words for the operator. */
  ask<Data, Variables>(document: Document<Data, Variables>, variables: Variables): Promise<Data> {
    const { wire } = this
    if (!wire || this.phase === 'down' || this.phase === 'signed out') return Promise.reject(new CommandError('No connection: nothing was sent.'))
    return new Promise<Data>((resolve, reject) => {
      wire.subscribe(
        { query: document.text, operationName: document.name, variables: { ...(variables as Record<string, unknown>) } },
        {
          next: ({ data, errors }) => (errors?.length ? reject(new CommandError(errors[0]!.message)) : resolve(data as Data)),
          error: (reason) => reject(Array.isArray(reason) ? new CommandError(String(reason[0]?.message)) : new CommandError('The connection went before an answer came.')),
          complete: () => reject(new CommandError('The server gave no answer.')),
        },
      )
    })
  }

  /** Now, instead of when the wait is over. */
  retryNow(): void {
    if (!this.waiting) return
    clearTimeout(this.retry)
    this.reconnect()
  }

  private get phase(): Phase {
    return this.state.get().phase
  }

  private become(phase: Phase, retryAt: number | null = null): void {
    const { heardAt } = this.state.get()
    this.state.set({ phase, heardAt, retryAt })
  }

  private heard(): void {
    const { phase } = this.state.get()
    this.state.set({ phase: phase === 'late' ? 'live' : phase, heardAt: Date.now(), retryAt: null })
  }

  private opened(): void {
    this.attempts = 0
    this.waiting = false
    this.heard()
    this.become('catching up')
    this.connection.set(this.connection.get() + 1)
    setTimeout(() => this.phase === 'catching up' && this.become('live'), catchUpPatience)
    this.caughtUp()
  }

  private gone(signedOut: boolean): void {
    if (this.waiting || this.phase === 'signed out') return
    if (signedOut) return this.become('signed out')
    for (const follower of this.followers) follower.halt()
    const wait = this.jittered(waits[Math.min(this.attempts, waits.length - 1)]!)
    this.attempts += 1
    this.waiting = true
    this.become('down', Date.now() + wait)
    this.retry = setTimeout(() => this.reconnect(), wait)
  }

  private reconnect(): void {
    this.tries += 1
    this.waiting = false
    this.become('down') // until it is up: what flickers is read by nobody
    for (const follower of this.followers) follower.start()
  }

  private listen(): void {
    if (this.phase === 'live' && Date.now() - this.state.get().heardAt > lateAfter) this.become('late')
  }

  /** Between half the wait and one and a half of it. */
  private jittered(wait: number): number {
    return wait * (0.5 + this.random())
  }
}
