/** The fake's answers under the printed contract: graphql-js executes the very documents the browser sends. */
import { type DocumentNode, type ExecutionResult, type GraphQLSchema, execute, parse, subscribe, validate } from 'graphql'
import { contract } from '../codegen/types.ts'
import type { VoucherTarget } from '../src/pages/case/case'
import type { ResolveReviewInput } from '../src/pages/reviews/reviews'
import type { ResumeLineInput, StopLineInput } from '../src/parts/lines'
import type { Batch } from './topics.ts'
import type { Refusal, Session, SubCase, World } from './world.ts'

export interface Context {
  session: Session
}

/** What graphql-js has checked against the contract already. */
interface Arguments {
  urn: string
  case: string
  subCase: string
  airport: string
  after: string
  review: string
  version: number
  input: { subCases: VoucherTarget[]; idempotencyKey: string } & ResolveReviewInput & StopLineInput & ResumeLineInput
}

const edges = <Node extends { urn: string }>(nodes: Node[]) => ({
  edges: nodes.map((node) => ({ cursor: node.urn, node })),
  pageInfo: { hasNextPage: false, endCursor: nodes.at(-1)?.urn ?? null },
  totalCount: nodes.length,
})

/** Executes one operation, as a socket or an HTTP request would have it. */
export class Endpoint {
  readonly schema: GraphQLSchema = contract('operator')

  constructor(private readonly world: World) {}

  async run(text: string, variables: Record<string, unknown>, session: Session): Promise<ExecutionResult | AsyncIterable<ExecutionResult>> {
    const document = parse(text)
    const errors = validate(this.schema, document)
    if (errors.length > 0) return { errors }
    const shared = { schema: this.schema, document, rootValue: this.root(), contextValue: { session }, variableValues: variables }
    const result = isSubscription(document) ? await subscribe(shared) : await execute(shared)
    this.world.topics.flush()
    return result as ExecutionResult | AsyncIterable<ExecutionResult>
  }

  private root(): Record<string, (args: Arguments, context: Context) => unknown> {
    return { ...this.queries(), ...this.commands(), ...this.subscriptions() }
  }

  private queries(): Record<string, (args: Arguments, context: Context) => unknown> {
    const { world } = this
    return {
      me: (_, { session }) => ({ urn: session.operator, name: session.name, role: 'AIRPORT_OPERATOR', airports: ['JFK', 'LGA', 'EWR'], tenant: 'b6', session: session.id }),
      cases: () => edges([...world.cases.values()]),
      case: ({ urn }) => this.caseOf(urn),
      subCase: ({ urn }) => world.subCases.get(urn) ?? null,
      reviews: () => edges([...world.reviews.values()].filter((one) => !one.resolvedAt)),
      partnerHealth: () => [...world.partners.values()],
      stoppedLines: () => world.stopped(),
      queue: ({ case: urn }) => world.queue(urn),
      holdCounts: ({ airport }) => [...world.holds.values()].filter((one) => one.airport === airport),
    }
  }

  private commands(): Record<string, (args: Arguments, context: Context) => unknown> {
    const { world } = this
    return {
      acquireLock: ({ subCase }, { session }) => {
        const answer = world.acquire(subCase, session)
        if (!('code' in answer)) return { __typename: 'LockAcquired', lock: answer, subCase: world.subCases.get(subCase) }
        const lock = world.subCases.get(subCase)?.lock
        return typed(answer, { holderName: lock?.holderName, since: lock?.since })
      },
      releaseLock: ({ subCase }, { session }) => {
        const answer = world.release(subCase, session)
        return 'code' in answer ? typed(answer, {}) : { __typename: 'LockReleased', lock: answer }
      },
      issueVoucher: ({ input }, { session }) => {
        return world.issue(input.subCases, input.idempotencyKey, session)
      },
      claimReview: ({ review, version }, { session }) => {
        const answer = world.claimReview(review, version, session)
        return 'code' in answer ? typed(answer, {}) : { __typename: 'ReviewClaimed', review: answer }
      },
      resolveReview: ({ input }, { session }) => {
        const answer = world.resolveReview(input, session)
        return 'code' in answer ? typed(answer, {}) : { __typename: 'ReviewDecided', review: answer, replayed: false }
      },
      stopLine: ({ input }, { session }) => ({ stop: world.stop(input, session) }),
      resumeLine: ({ input }) => {
        const answer = world.resume(input)
        return 'code' in answer ? typed(answer, {}) : { __typename: 'LineResumed', stop: answer }
      },
    }
  }

  private subscriptions(): Record<string, (args: Arguments, context: Context) => unknown> {
    const { world } = this
    const feed = <Item extends { urn: string }>(name: string, field: string, after: string, all: () => Item[]): AsyncIterable<unknown> =>
      named(field, world.topics.follow(name, after, (urns) => all().filter((one) => !urns || urns.includes(one.urn)).map((one) => structuredClone(one))))
    return {
      caseBoard: ({ after, airport }) => feed('cases', 'caseBoard', after, () => [...world.cases.values()].filter((one) => !airport || one.airport === airport)),
      subCases: ({ after, case: urn }) => feed(`sub-cases:${urn}`, 'subCases', after, () => [...world.subCases.values()].filter((one) => one.case === urn)),
      holdCounts: ({ after, airport }) => feed(`holds:${airport}`, 'holdCounts', after, () => [...world.holds.values()].filter((one) => one.airport === airport)),
      partnerHealth: ({ after }) => feed('partners', 'partnerHealth', after, () => [...world.partners.values()]),
      queue: ({ after, case: urn }) => named('queue', this.queue(urn, after)),
      stoppedLines: ({ after }) =>
        named('stoppedLines', world.topics.follow('stops', after, (urns) => (urns ? [...world.stops.values()].filter((one) => urns.includes(one.urn)) : world.stopped()).map((one) => structuredClone(one)))),
      alerts: ({ after }) => feed('alerts', 'alerts', after, () => world.alerts.slice(-50)),
      lockHolders: ({ after, case: urn }) =>
        named('lockHolders', world.topics.follow('locks', after, (urns) => this.locks(urn, urns))),
      subCaseTimeline: ({ after, subCase }) => named('subCaseTimeline', this.timeline(subCase, after)),
    }
  }

  private locks(caseUrn: string | undefined, urns: string[] | undefined): unknown[] {
    const rows = urns ? urns.flatMap((urn) => this.world.subCases.get(urn) ?? []) : [...this.world.subCases.values()].filter((one) => one.lock?.holder)
    return rows.filter((one) => one.lock && (!caseUrn || one.case === caseUrn)).map((one) => structuredClone(one.lock))
  }

  /** All of the case each time. */
  private async *queue(urn: string, after: string): AsyncGenerator<unknown> {
    for await (const batch of this.world.topics.follow(`sub-cases:${urn}`, after, () => this.world.queue(urn))) yield { ...batch, snapshot: true }
  }

  private async *timeline(urn: string, after: string): AsyncGenerator<unknown> {
    const read = (): SubCase[] => [structuredClone(this.world.subCases.get(urn)!)]
    for await (const batch of this.world.topics.follow(`sub-case:${urn}`, after, read) as AsyncGenerator<Batch<SubCase>>) {
      yield { seq: batch.seq, snapshot: batch.snapshot, subCase: batch.items[0], entries: batch.items[0]!.timeline }
    }
  }

  private caseOf(urn: string): unknown {
    const row = this.world.cases.get(urn)
    return row ? { ...row, reviews: [...this.world.reviews.values()].filter((one) => one.case === urn && !one.resolvedAt) } : null
  }
}

const typenames: Record<string, string> = {
  NOT_FOUND: 'NotFound', SUB_CASE_LOCKED: 'SubCaseLocked', LOCK_LOST: 'LockLost', REVIEW_TAKEN: 'ReviewTaken', REVIEW_OVER: 'ReviewOver',
  FINDING_NEEDED: 'FindingNeeded', VERSION_CONFLICT: 'VersionConflict',
}

const typed = (refusal: Refusal, facts: object): object => ({ __typename: typenames[refusal.code], message: refusal.message, ...facts })

const isSubscription = (document: DocumentNode): boolean => document.definitions.some((one) => one.kind === 'OperationDefinition' && one.operation === 'subscription')

async function* named<Item>(field: string, batches: AsyncIterable<Item>): AsyncGenerator<Record<string, Item>> {
  for await (const batch of batches) yield { [field]: batch }
}
