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
let asking: Promise<string> | undefined

/** A token that is good for another minute. Throws `SignedOut` when the gateway knows nobody. */
export function token(): Promise<string> {
  if (current && Date.parse(current.expiresAt) - Date.now() > early) return Promise.resolve(current.token)
  asking ??= inTurn(ask).finally(() => (asking = undefined))
  return asking
}

/** Each renewal changes the cookie, and an old one shown again ends the sign-in: tabs take turns where the browser can say so. */
function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
  return 'locks' in navigator ? navigator.locks.request('nexa-token', work) : work()
}

async function ask(): Promise<string> {
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

/** Ends the sign-in here and at the issuer, and the session with its locks; the next person starts at the provider. */
export async function signOut(): Promise<void> {
  await fetch('/auth/logout', { method: 'POST', credentials: 'same-origin' }).catch(() => undefined)
  forget()
  sessionStorage.clear()
  location.assign('/auth/login')
}
