/** Who is signed in: a short token from the gateway, renewed before it ends; the refresh cookie never reaches this code. */
export class SignedOut extends Error {
  override name = 'SignedOut'
}

interface Token {
  token: string
  expiresAt: string
}

const early = 60_000 // renew this long before the end, so a slow clock is no reason to be refused
let current: Token | undefined

/** A token that is good for another minute. Throws `SignedOut` when the gateway knows nobody. */
export async function token(): Promise<string> {
  if (current && Date.parse(current.expiresAt) - Date.now() > early) return current.token
  const response = await fetch('/auth/token', { headers: { accept: 'application/json' }, cache: 'no-store', credentials: 'same-origin' })
  if (response.status === 401 || response.status === 403) throw new SignedOut('Sign in first.')
  if (!response.ok) throw new Error(`The gateway answered ${response.status}.`)
  current = (await response.json()) as Token
  return current.token
}

/** Forgets the token, so that the next question asks the gateway again. */
export function forget(): void {
  current = undefined
}

/** Off to the provider, and back to where we are. */
export function signIn(): void {
  location.assign(`/auth/login?next=${encodeURIComponent(location.pathname + location.search)}`)
}
