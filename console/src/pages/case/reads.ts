/** What the Case screen reads once, beside what it follows. */
import { useEffect, useState } from 'react'
import { useRow } from '../../live/collection'
import { useNexa } from '../../parts/context'
import { type CaseRow, caseByUrn } from '../board/board'
import { type CaseReview, type SubCaseRow, caseReviews } from './case'

/** The case of an address: off the board, or asked for when the board has not got it. Null when there is none. */
export function useCaseRow(urn: string): CaseRow | null | undefined {
  const { floor } = useNexa()
  const live = useRow(floor.cases, urn)
  const [read, setRead] = useState<CaseRow | null | undefined>(undefined)
  const missing = live === undefined
  useEffect(() => {
    if (!missing || !urn) return
    let current = true
    const ask = (): void => {
      if (floor.link.connection.get() === 0) return
      floor.link.ask(caseByUrn, { urn }).then(
        (data) => current && setRead(data.case),
        () => undefined,
      )
    }
    ask()
    const stop = floor.link.connection.subscribe(ask)
    return () => {
      current = false
      stop()
    }
  }, [floor, urn, missing])
  return live ?? read
}

/** The open reviews of a case, read again whenever the number of its parties in review changes. */
export function useReviews(urn: string, rows: readonly SubCaseRow[]): readonly CaseReview[] {
  const { floor } = useNexa()
  const [reviews, setReviews] = useState<readonly CaseReview[]>([])
  const waiting = rows.filter((row) => row.status === 'MANUAL_REVIEW').map((row) => row.urn).join()
  useEffect(() => {
    if (!waiting) return setReviews([])
    let current = true
    floor.link.ask(caseReviews, { case: urn }).then(
      (data) => current && setReviews(data.case?.reviews ?? []),
      () => undefined,
    )
    return () => {
      current = false
    }
  }, [floor, urn, waiting])
  return reviews
}
