import { useState } from 'react'
import { useStore } from '../live/store'
import { useNexa } from './context'
import { type StopRow, stopLine } from './lines'
import { boundsOf, lineWords, maySay } from './stop-banner'
import css from './stop.module.css'
import { Section } from './workspace'

const lines = Object.keys(lineWords) as Array<StopRow['line']>

/** Stops a line: a supervisor's word, with a reason that everybody reads. What is given back is never stopped. */
export function StopForm({ partner }: { partner: string | null }) {
  const { floor } = useNexa()
  const viewer = useStore(floor.viewer)
  const [line, setLine] = useState<StopRow['line']>('BOOKINGS')
  const [airport, setAirport] = useState('')
  const [reason, setReason] = useState('')
  const [said, setSaid] = useState<string | null>(null)
  const bounds = { line, partner, airport: airport.trim().toUpperCase() || null }
  const why = !maySay(viewer?.role) ? 'A supervisor stops a line.' : !reason.trim() ? 'A reason is needed.' : bounds.airport && !/^[A-Z]{3}$/.test(bounds.airport) ? 'An airport has three letters.' : null
  const stop = async (): Promise<void> => {
    try {
      const { stop: made } = (await floor.link.ask(stopLine, { input: { ...bounds, reason: reason.trim() } })).stopLine
      floor.stops.learn([made])
      setReason('')
      setSaid(null)
    } catch {
      setSaid('It could not be stopped; nothing has changed.')
    }
  }
  return (
    <Section title="Stop the line">
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault()
          if (!why) void stop()
        }}
      >
        <select aria-label="What to stop" value={line} onChange={(event) => setLine(event.target.value as StopRow['line'])}>
          {lines.map((each) => (
            <option key={each} value={each}>{lineWords[each]}</option>
          ))}
        </select>
        <input aria-label="Airport" placeholder="Every airport" value={airport} onChange={(event) => setAirport(event.target.value)} />
        <input aria-label="Reason" placeholder="Reason, shown to everybody" value={reason} onChange={(event) => setReason(event.target.value)} />
        <button type="submit" aria-disabled={why !== null} title={why ?? undefined}>Stop: {boundsOf(bounds)}</button>
        {said && <p role="alert">{said}</p>}
      </form>
    </Section>
  )
}
