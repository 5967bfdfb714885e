import { Store } from '../live/store'

export type Theme = 'auto' | 'light' | 'dark'

const key = 'nexa.theme'
const order: readonly Theme[] = ['auto', 'dark', 'light']
const kept = localStorage.getItem(key) as Theme | null

/** Light, dark, or what the system says. */
export const theme = new Store<Theme>(kept && order.includes(kept) ? kept : 'auto')

export function turnTheme(): void {
  theme.set(order[(order.indexOf(theme.get()) + 1) % order.length]!)
  localStorage.setItem(key, theme.get())
  applyTheme()
}

export function applyTheme(): void {
  const chosen = theme.get()
  if (chosen === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = chosen
}
