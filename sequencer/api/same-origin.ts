import type { IncomingMessage } from 'node:http'

const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?$/

/** Whether a request names this machine itself: a name that somebody else has point at it does not. */
export function isLoopbackHost({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return LOOPBACK.test(headers.host ?? '')
}

/** Whether a page of this very address sent a request; what is no page sends no origin, and is refused too. */
export function isSameOrigin({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers.origin === `http://${headers.host}` && (headers['sec-fetch-site'] ?? 'same-origin') === 'same-origin'
}
