/**
 * The page's course: use the link once, show the trip, keep it fresh, carry an answer until it is acknowledged.
 *
 * Everything shown comes from the last copy, so a phone without network still has the hotel and the code. A storm of phones is
 * spread by jitter and told to wait by the door's own Retry-After.
 */
import { type Read, LinkEnded, NotNow, SignedOut, answerOffer, readTrip, signIn } from './door'
import { type Answer, type Choice, type Copy, kept } from './store'

export type Trouble = 'offline' | 'link ended' | 'signed out' | null

export interface View {
  copy: Copy | null
  trouble: Trouble
  /** The answer under way: asked for, on its way, acknowledged. */
  answer: Answer | null
  /** What the passenger must confirm before it is sent. */
  confirming: Choice | null
  /** Something that was said no to, in words. */
  notice: string | null
  fresh: boolean
}

const calm = 20_000 // ms between two looks while nothing is expected
const eager = 3000 // while an answer or a room is on its way
const waits = [2000, 5000, 10_000, 20_000, 30_000] as const

export class Page {
  view: View = { copy: kept.copy(), trouble: null, answer: kept.answer(), confirming: null, notice: null, fresh: false }
  private session: string | null = kept.session()
  private misses = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private sending = false

  constructor(private readonly show: (view: View) => void, private readonly random: () => number = Math.random) {}

  /** Uses the token of the address, if there is one. */
  async start(): Promise<void> {
    this.show(this.view)
    const token = new URL(location.href).searchParams.get('token')
    if (token && !(await this.useLink(token))) return
    if (this.session === null) return this.update({ trouble: this.view.trouble ?? 'signed out' })
    await this.refresh()
    if (this.view.answer?.acknowledged === null) void this.send()
  }

  /** The passenger pressed a button: ask to confirm in place. */
  choose(choice: Choice | null): void {
    this.update({ confirming: choice, notice: null })
  }

  /** Confirmed. From here on the answer is kept until the door has it. */
  async confirm(): Promise<void> {
    const { confirming, copy } = this.view
    if (!confirming || !copy) return
    this.keepAnswer({ choice: confirming, version: copy.trip.version, acknowledged: null })
    this.update({ confirming: null, notice: null })
    await this.send()
  }

  async refresh(): Promise<void> {
    clearTimeout(this.timer)
    try {
      this.arrived(await readTrip(this.session ?? '', this.view.copy?.etag ?? null))
      this.misses = 0
      this.again(this.expecting() ? eager : calm)
    } catch (error) {
      this.failed(error, () => void this.refresh())
    }
  }

  stop(): void {
    clearTimeout(this.timer)
  }

  /** The token leaves the address as soon as the door has answered; until then a reload may try again. */
  private async useLink(token: string): Promise<boolean> {
    try {
      const session = await signIn(token, kept.nonce())
      kept.forgetNonce()
      stripToken()
      const other = session !== this.session
      this.session = session
      kept.keepSession(session)
      if (other) this.forgetTrip()
      return true
    } catch (error) {
      if (!(error instanceof LinkEnded)) {
        this.failed(error, () => void this.start())
        return false
      }
      kept.forgetNonce()
      stripToken()
      // Opened twice: the first time left a session on this phone.
      if (this.session === null) this.update({ trouble: 'link ended' })
      return this.session !== null
    }
  }

  private async send(): Promise<void> {
    const { answer } = this.view
    if (!answer || answer.acknowledged !== null || this.sending) return
    this.sending = true
    try {
      const said = await answerOffer(this.session ?? '', answer.choice, answer.version)
      if (said.kind === 'acknowledged') this.keepAnswer({ ...answer, acknowledged: Date.now() })
      else {
        this.keepAnswer(null)
        this.update({ notice: said.message })
      }
      this.misses = 0
      this.update({ trouble: null })
      this.again(0)
    } catch (error) {
      this.failed(error, () => void this.send())
    } finally {
      this.sending = false
    }
  }

  private arrived(read: Read): void {
    const { copy, answer } = this.view
    const next = read.kind === 'trip' ? { trip: read.trip, etag: read.etag, asOf: Date.now() } : copy && { ...copy, asOf: Date.now() }
    if (next) kept.keepCopy(next)
    if (next && answer?.acknowledged != null && !next.trip.mayAnswer) this.keepAnswer(null)
    const changed = next?.trip.version !== copy?.trip.version
    this.update({ copy: next, trouble: null, fresh: true, ...(changed ? { confirming: null } : {}) })
  }

  private failed(error: unknown, retry: () => void): void {
    clearTimeout(this.timer)
    if (error instanceof SignedOut) {
      kept.keepSession(null)
      this.session = null
      return this.update({ trouble: 'signed out', fresh: false })
    }
    const asked = error instanceof NotNow ? error.after : null
    const wait = asked ?? waits[Math.min(this.misses, waits.length - 1)]!
    this.misses += 1
    this.update({ trouble: 'offline', fresh: false })
    this.timer = setTimeout(retry, wait * (1 + this.random() * 0.5))
  }

  private again(wait: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.refresh(), wait * (0.75 + this.random() * 0.5))
  }

  /** A room or the outcome of an answer is on its way. */
  private expecting(): boolean {
    return this.view.answer !== null || this.view.copy?.trip.status === 'PROCESSING'
  }

  private forgetTrip(): void {
    kept.keepCopy(null)
    this.keepAnswer(null)
    this.update({ copy: null })
  }

  private keepAnswer(answer: Answer | null): void {
    kept.keepAnswer(answer)
    this.update({ answer })
  }

  private update(part: Partial<View>): void {
    this.view = { ...this.view, ...part }
    this.show(this.view)
  }
}

function stripToken(): void {
  const address = new URL(location.href)
  address.searchParams.delete('token')
  history.replaceState(null, '', address.pathname + address.search)
}
