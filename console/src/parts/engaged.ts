import { type RefObject, useEffect, useState } from 'react'

/** Whether somebody works in the grid: it has a focused row or a selection, or the pointer is over it. Then its order stands still. */
export function useEngaged(frame: RefObject<HTMLElement | null>, working: boolean): boolean {
  const [pointer, setPointer] = useState(false)
  useEffect(() => {
    const element = frame.current
    if (!element) return
    const enter = (): void => setPointer(true)
    const leave = (): void => setPointer(false)
    element.addEventListener('pointerenter', enter)
    element.addEventListener('pointerleave', leave)
    return () => {
      element.removeEventListener('pointerenter', enter)
      element.removeEventListener('pointerleave', leave)
    }
  }, [frame])
  return working || pointer
}
