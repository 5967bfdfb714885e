import { useState } from 'react'
import { useRows } from '../live/collection'
import { useStore } from '../live/store'
import { Age } from '../ui/time'
import { useNexa } from './context'
import { type StopRow, resumeLine } from './lines'
import css from './stop.module.css'

export const lineWords: Record<StopRow['line'], string> = { BOOKINGS: 'Bookings', MESSAGES: 'Messages', CARD_LOADS: 'Card loads' }

export const maySay = (role: string | undefined): boolean => role === 'OPS_SUPERVISOR' || role === 'ADMIN'

/** `Bookings at hotelbeds for JFK` */
export const boundsOf = (stop: Pick<StopRow, 'line' | 'partner' | 'airport'>): string =>
  [lineWords[stop.line], stop.partner && `at ${stop.partner}`, stop.airport && `for ${stop.airport}`].filter(Boolean).join(' ')

/** One line for each stop, on every screen, until somebody resumes it. */
export function StopBanner() {
  const { floor } = useNexa()
  const stops = useRows(floor.stops).filter((one) => !one.resumedAt)
  return (
    <>
      {[...stops].sort((a, b) => a.at.localeCompare(b.at)).map((stop) => (
        <Line key={stop.urn} stop={stop} />
      ))}
    </>
  )
}

function Line({ stop }: { stop: StopRow }) {
  const { floor } = useNexa()
  const viewer = useStore(floor.viewer)
  const [reason, setReason] = useState<string | null>(null)
  const [said, setSaid] = useState<string | null>(null)
  const resume = async (): Promise<void> => {
    try {
      const answer = (await floor.link.ask(resumeLine, { input: { line: stop.line, stop: stop.urn, reason: reason ?? '' } })).resumeLine
      if ('stop' in answer) floor.stops.learn([answer.stop])
      else setSaid(answer.message)
    } catch {
      setSaid('It could not be resumed; nothing has changed.')
    }
  }
  return (
    <div className={css.banner} role="status" data-stop={stop.urn}>
      <b>{boundsOf(stop)} stopped</b>
      <span>{stop.reason}</span>
      <span>
        since <Age since={stop.at} />
      </span>
      {said && <span role="alert">{said}</span>}
      {reason === null ? (
        <button type="button" disabled={!maySay(viewer?.role)} title={maySay(viewer?.role) ? undefined : 'A supervisor resumes it.'} onClick={() => setReason('')}>
          Resume
        </button>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault()
            if (reason.trim()) void resume()
          }}
        >
          <input autoFocus aria-label="Why it goes on" placeholder="Why it goes on" value={reason} onChange={(event) => setReason(event.target.value)} onKeyDown={(event) => event.key === 'Escape' && setReason(null)} />
          <button type="submit" disabled={!reason.trim()}>Resume</button>
        </form>
      )}
    </div>
  )
}
