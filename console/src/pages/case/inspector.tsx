import type { ReactNode } from 'react'
import { type Collection, useRow } from '../../live/collection'
import { useStore } from '../../live/store'
import { useNexa } from '../../parts/context'
import { State } from '../../parts/states'
import { Facts, Inspector, Section } from '../../parts/workspace'
import { Icon } from '../../ui/icon'
import { Age, day, dayAndHour } from '../../ui/time'
import { Attempts, useAttempts } from './attempts'
import type { CaseReview, SubCaseRow } from './case'
import { guestWords, tierWords } from './columns'
import { locatorOf, nameOf } from './rows'
import { Timeline, useTimeline } from './timeline'
import css from './case.module.css'

export type View = 'details' | 'timeline'

interface Props {
  rows: Collection<SubCaseRow>
  urn: string | null
  view: View
  reviews: readonly CaseReview[]
  onView(view: View): void
}

/** The chosen sub-case: its facts, or what is being done for it, live. */
export function SubCaseInspector({ rows, urn, view, reviews, onView }: Props) {
  const row = useRow(rows, urn)
  const watched = row && view === 'timeline' ? row.urn : null
  const lines = useTimeline(watched)
  const attempts = useAttempts(watched, lines)
  if (!row) {
    return (
      <Inspector label="Sub-case">
        <Section title="Nothing chosen">
          <p className={css.soft}>Move with j and k. Select several with Space or Shift J, or all that can be worked on with Ctrl A.</p>
        </Section>
      </Inspector>
    )
  }
  return (
    <Inspector label={`Sub-case of ${nameOf(row)}`}>
      <header>
        <h2>{nameOf(row)}</h2>
        <p>
          <span className={css.code}>{locatorOf(row)}</span>, {guestWords(row)}
        </p>
        <div className={css.standing}>
          <State status={row.status} />
          <span className={css.soft}>for <Age since={row.changedAt} /></span>
        </div>
        {row.status === 'PROCESSING' && <p className={css.hint}>Requested. It is booked when the hotel has confirmed.</p>}
        {row.reason && <p className={css.hint}>{row.reason}</p>}
        {row.status === 'PENDING' && !row.mayIssueVoucher.allowed && <p className={css.hint}>No voucher: {row.mayIssueVoucher.why}</p>}
        <LockLine row={row} />
      </header>
      <div className={css.tabs} role="tablist" aria-label="Views">
        <Tab chosen={view === 'details'} onChoose={() => onView('details')}>Details</Tab>
        <Tab chosen={view === 'timeline'} onChoose={() => onView('timeline')}>Timeline <kbd>t</kbd></Tab>
      </div>
      {view === 'timeline' ? (
        <>
          <Section title="What is being done">
            <Timeline lines={lines} />
          </Section>
          {attempts.length > 0 && (
            <Section title="What partners were asked">
              <Attempts attempts={attempts} />
            </Section>
          )}
        </>
      ) : (
        <Details row={row} reviews={reviews.filter((one) => one.subCase === row.urn)} />
      )}
    </Inspector>
  )
}

function Tab({ chosen, onChoose, children }: { chosen: boolean; onChoose(): void; children: ReactNode }) {
  return (
    <button type="button" role="tab" aria-selected={chosen} onClick={onChoose}>
      {children}
    </button>
  )
}

function LockLine({ row }: { row: SubCaseRow }) {
  const { floor } = useNexa()
  useStore(floor.viewer)
  if (!row.lock?.holder) return null
  const mine = floor.isMine(row.lock)
  return (
    <p className={css.lockLine} data-look={mine ? 'mine' : 'other'}>
      <Icon name="lock" size={13} />
      {mine ? 'You hold the lock' : `Locked by ${row.lock.holderName ?? 'somebody'}`}
      {row.lock.since && <Age since={row.lock.since} />}
    </p>
  )
}

function Details({ row, reviews }: { row: SubCaseRow; reviews: readonly CaseReview[] }) {
  return (
    <>
      {reviews.map((review) => (
        <ReviewCard key={review.urn} review={review} />
      ))}
      {row.offer && <OfferCard row={row} />}
      <Section title="Party">
        <Facts
          facts={[
            ['Tier', row.mixedTier ? 'Mixed, a person decides' : tierWords[row.tier]],
            ['Guests', guestWords(row)],
            ['Rooms', row.needsNight ? row.rooms : 'none needed'],
            ['Stay', row.checkIn && row.checkOut ? `${day(row.checkIn)} to ${day(row.checkOut)}, ${row.nights} ${row.nights === 1 ? 'night' : 'nights'}` : 'flies before a night is due'],
            ...(row.specialNeeds.length > 0 ? [['Needs', row.specialNeeds.join(', ')] as const] : []),
            ['Reachable', row.reachable ? 'yes' : 'no phone number and no address'],
          ]}
        />
      </Section>
      <Section title="Next flight">
        {row.nextFlight ? (
          <Facts
            facts={[
              ['Flight', <span className={css.code}>{row.nextFlight.flightNumber}</span>],
              ['Route', `${row.nextFlight.origin} to ${row.nextFlight.destination}`],
              ['Departs', dayAndHour(row.nextFlight.departs)],
            ]}
          />
        ) : (
          <p className={css.soft}>The airline has not seated them yet; one night is planned.</p>
        )}
      </Section>
      <Section title="Record">
        <Facts facts={[['Opened', <><Age since={row.openedAt} /> ago</>], ['Version', row.version], ['URN', <code className={css.code}>{row.urn}</code>]]} />
      </Section>
    </>
  )
}

/** The trade's two letters for what is eaten where. */
const boards: Record<string, string> = { RO: 'room only', BB: 'breakfast', HB: 'half board', FB: 'full board', AI: 'all inclusive' }

function OfferCard({ row }: { row: SubCaseRow }) {
  const offer = row.offer!
  return (
    <Section title="Offer" aside={offer.confirmation}>
      <div className={css.offer}>
        <b>{offer.hotelName}</b>
        <p>{offer.hotelAddress}</p>
        {offer.hotelPhone && <p>{offer.hotelPhone}</p>}
        <p>
          {day(offer.checkIn)} to {day(offer.checkOut)}, {offer.rooms} {offer.rooms === 1 ? 'room' : 'rooms'}, {boards[offer.board] ?? offer.board}
        </p>
        <p>
          <b>{money(offer.total)}</b>
          {offer.cardLastFour && <span className={css.card}><Icon name="card" size={13} /> {offer.cardAmount ? money(offer.cardAmount) : ''} on •••• {offer.cardLastFour}</span>}
        </p>
      </div>
    </Section>
  )
}

export const money = ({ amount, currency }: { amount: string; currency: string }): string =>
  new Intl.NumberFormat('en', { style: 'currency', currency, maximumFractionDigits: 2 }).format(Number(amount))

export const kindWords = (kind: string): string => kind.charAt(0) + kind.slice(1).toLowerCase().replaceAll('_', ' ')

function ReviewCard({ review }: { review: CaseReview }) {
  return (
    <Section title="Review" aside={<Age since={review.openedAt} />}>
      <div className={css.review} data-severity={review.severity}>
        <b>{kindWords(review.kind)}</b>
        <p>{review.summary}</p>
        <Facts facts={review.evidence.map((fact) => [fact.name, fact.value] as const)} />
      </div>
    </Section>
  )
}
