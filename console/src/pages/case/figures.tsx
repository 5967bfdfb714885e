import { useStore } from '../../live/store'
import { useNexa } from '../../parts/context'
import { Figures } from '../../parts/figures'
import { elapsed, useNow } from '../../ui/time'
import type { SubCaseRow, SubCaseStatus } from './case'
import { guestsOf } from './rows'

const longWait = 15 * 60_000 // ms

export function CaseFigures({ rows }: { rows: readonly SubCaseRow[] }) {
  const { floor } = useNexa()
  const { phase } = useStore(floor.link.state)
  const now = useNow()
  const number = (status: SubCaseStatus): number => rows.filter((row) => row.status === status).length
  const needing = rows.filter((row) => row.needsNight)
  const rooms = needing.reduce((sum, row) => sum + row.rooms, 0)
  const placed = needing.filter((row) => row.offer).reduce((sum, row) => sum + row.rooms, 0)
  const oldest = rows.filter((row) => row.status === 'PENDING').map((row) => row.openedAt).sort()[0]
  return (
    <Figures
      stale={phase === 'down'}
      figures={[
        { words: 'Parties', value: rows.length.toLocaleString('en') },
        { words: 'Guests', value: rows.reduce((sum, row) => sum + guestsOf(row), 0).toLocaleString('en') },
        { words: 'Need a night', value: needing.length.toLocaleString('en') },
        { words: 'Rooms placed', value: `${placed} of ${rooms}` },
        { words: 'Waiting', value: number('PENDING') },
        { words: 'Requested', value: number('PROCESSING') },
        { words: 'Offer ready', value: number('OFFER_READY') },
        { words: 'Accepted', value: number('RESOLVED') },
        { words: 'Review', value: number('MANUAL_REVIEW'), tone: number('MANUAL_REVIEW') > 0 ? 'review' : undefined },
        { words: 'Declined', value: number('REJECTED_BY_PAX'), tone: number('REJECTED_BY_PAX') > 0 ? 'declined' : undefined },
        { words: 'Oldest wait', value: oldest ? elapsed(now - Date.parse(oldest)) : 'none', tone: oldest && now - Date.parse(oldest) > longWait ? 'waiting' : undefined },
      ]}
    />
  )
}
