/**
 * The real wire: graphql-transport-ws on the page's own origin. Reconnecting is the link's business, not the library's.
 *
 * A session outlives its socket by a few seconds of grace. Its resume token is kept for this tab, so a reload or a short cut keeps
 * the locks; another tab never sees it. The token of an open socket is renewed by a ping that carries a newer one.
 */
import { createClient } from 'graphql-ws'
import type { Ears, Wire } from './link'
import { SignedOut, forget, token } from './session'

const pingEvery = 2000
const silence = 12_000 // an unanswered ping this old is a dead socket that nobody closed
const renewEvery = 30_000 // how often the token is looked at; it is asked for anew in its last minute only
const resumeKey = 'nexa.resume'

export function connect(ears: Ears): Wire {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
  let signedOut = false
  let socket: WebSocket | undefined
  let overdue: ReturnType<typeof setTimeout> | undefined
  let sent: string | undefined
  const renew = async (): Promise<void> => {
    const fresh = await token()
    if (fresh === sent || socket?.readyState !== WebSocket.OPEN) return
    sent = fresh
    socket.send(JSON.stringify({ type: 'ping', payload: { token: fresh } }))
  }
  setInterval(() => void renew().catch(() => undefined), renewEvery)
  const client = createClient({
    url: `${scheme}//${location.host}/graphql`,
    retryAttempts: 0,
    lazyCloseTimeout: 60_000, // the session's locks live as long as the socket
    keepAlive: pingEvery,
    connectionParams: async () => {
      try {
        sent = await token()
        return { token: sent, resume: sessionStorage.getItem(resumeKey) ?? undefined }
      } catch (error) {
        signedOut = error instanceof SignedOut
        throw error
      }
    },
    on: {
      opened: (opened) => (socket = opened as WebSocket),
      connected: (_, acknowledged) => {
        const resume = (acknowledged as { resume?: string } | undefined)?.resume
        if (resume) sessionStorage.setItem(resumeKey, resume)
        ears.opened()
      },
      message: () => ears.heard(),
      ping: (received) => {
        if (!received) overdue ??= setTimeout(() => socket?.close(4408, 'Silence'), silence)
      },
      pong: (received) => {
        if (received) overdue = stopped(overdue)
      },
      closed: (event) => {
        overdue = stopped(overdue)
        if ((event as CloseEvent).code === 4403) {
          forget()
          sessionStorage.removeItem(resumeKey) // refused or gone on elsewhere: never argue about a session
        }
        ears.gone(signedOut)
      },
      error: () => ears.gone(signedOut),
    },
  })
  return { subscribe: (request, sink) => client.subscribe(request as never, sink as never), close: () => void client.dispose() }
}

function stopped(timer: ReturnType<typeof setTimeout> | undefined): undefined {
  clearTimeout(timer)
}
