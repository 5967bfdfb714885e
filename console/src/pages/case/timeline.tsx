import { useEffect, useState } from 'react'
import { Feed } from '../../live/feed'
import { useNexa } from '../../parts/context'
import { Icon, type IconName } from '../../ui/icon'
import { clockText, elapsed } from '../../ui/time'
import { type TimelineData, type TimelineLine, timeline } from './case'
import css from './case.module.css'

const settle = 150 // ms; moving through rows with j held down opens no stream for each

const keyOf = (line: TimelineLine): string => `${line.at}|${line.step}|${line.state}|${line.attempt}`

/** What a stream has said so far: lines are facts, so a repeated one changes nothing. */
export function useTimeline(subCase: string | null): readonly TimelineLine[] | null {
  const { floor } = useNexa()
  const [lines, setLines] = useState<{ of: string; lines: readonly TimelineLine[] } | null>(null)
  useEffect(() => {
    if (!subCase) return
    let feed: Feed<TimelineData, TimelineData['subCaseTimeline']> | undefined
    const known = new Map<string, TimelineLine>()
    const timer = setTimeout(() => {
      feed = new Feed<TimelineData, TimelineData['subCaseTimeline']>(floor.link, timeline as never, { subCase }, (data) => data.subCaseTimeline, (batch) => {
        if (batch.snapshot) known.clear()
        for (const line of batch.entries) known.set(keyOf(line), line)
        setLines({ of: subCase, lines: [...known.values()].sort((a, b) => a.at.localeCompare(b.at)) })
      })
    }, settle)
    return () => {
      clearTimeout(timer)
      feed?.close()
    }
  }, [floor, subCase])
  return lines?.of === subCase ? lines.lines : null
}

interface Step {
  name: string
  lines: TimelineLine[]
  last: TimelineLine
  attempts: number
}

/** One entry per step in the order they began; a step keeps its place however often it is tried. */
export function stepsOf(lines: readonly TimelineLine[]): Step[] {
  const steps = new Map<string, TimelineLine[]>()
  for (const line of lines) steps.set(line.step, [...(steps.get(line.step) ?? []), line])
  return [...steps].map(([name, own]) => ({ name, lines: own, last: own.at(-1)!, attempts: Math.max(...own.map((line) => line.attempt)) }))
}

const stepWords: Record<string, string> = {
  choose: 'Choose hotels', book: 'Book rooms', publish: 'Publish the offer', notify: 'Tell the passenger', card: 'Issue the card', card_message: 'Tell about the card',
  transport: 'Send for a ride', transport_message: 'Tell about the ride', call_off: 'Call the ride off',
  withdraw: 'Withdraw the offer', cancel: 'Cancel rooms', void: 'Void the card',
}
const stateLook: Record<string, [IconName, string]> = {
  ASKED: ['PROCESSING', 'asked'], DONE: ['check', 'done'], REFUSED: ['REJECTED_BY_PAX', 'refused'], UNDOING: ['PROCESSING', 'undoing'],
  UNDONE: ['LOCAL_RESIDENT', 'undone'], CONTINUED: ['MANUAL_REVIEW', 'went on without'], NOTE: ['bolt', ''],
  WAITING: ['PROCESSING', 'waiting'], PUT_OFF: ['PROCESSING', 'put off'], SKIPPED: ['check', 'done without'], LEFT: ['bolt', 'not waited for'],
  UNDO_REFUSED: ['MANUAL_REVIEW', 'could not be undone'], REDRIVEN: ['bolt', 'goes on'],
}

const wordsFor = (name: string): string => stepWords[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll(/[_-]/g, ' ')

export function Timeline({ lines }: { lines: readonly TimelineLine[] | null }) {
  if (lines === null) return <p className={css.soft}>Reading the timeline.</p>
  if (lines.length === 0) return <p className={css.soft}>Nothing has been asked of anyone yet. Issue a voucher with v.</p>
  return (
    <ol className={css.steps}>
      {stepsOf(lines).map((step) => (
        <StepLine key={step.name} step={step} />
      ))}
    </ol>
  )
}

function StepLine({ step }: { step: Step }) {
  const [icon, words] = stateLook[step.last.state] ?? ['bolt', step.last.state.toLowerCase()]
  const took = step.lines.length > 1 ? elapsedShort(Date.parse(step.last.at) - Date.parse(step.lines[0]!.at)) : null
  const attempts = step.attempts > 1 ? `attempt ${step.attempts}` : null
  return (
    <li data-state={step.last.state}>
      <i className={css.dot}>
        <Icon name={icon} size={13} />
      </i>
      <div>
        <header>
          <b>{wordsFor(step.name)}</b>
          <span>{[words, took, attempts].filter(Boolean).join(', ')}</span>
          <time dateTime={step.last.at}>{clockText(Date.parse(step.last.at))}</time>
        </header>
        <p>{step.last.summary}</p>
        {step.last.evidence.length > 0 && (
          <dl>
            {step.last.evidence.map((fact) => (
              <div key={fact.name}>
                <dt>{fact.name}</dt>
                <dd>{fact.value}</dd>
              </div>
            ))}
          </dl>
        )}
      </div>
    </li>
  )
}

const elapsedShort = (milliseconds: number): string => (milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(1)} s` : elapsed(milliseconds))
