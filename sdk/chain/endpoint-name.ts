import { PlimsollError } from '../../protocol/errors.ts'

/** URL of an endpoint, and its name in messages. */
export interface EndpointAddress {
  /** Without a user and a password: those are sent as a header. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Scheme and host alone: paths and queries hold the keys of providers. */
  readonly name: string
}

/** @throws PlimsollError when the text is no http or https URL; it is not repeated, since it may hold a key */
export function endpointAddress(text: string): EndpointAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new PlimsollError(`--rpc ${withoutSecrets(text)} is not an http or https URL.`)
  const { username, password } = url
  url.username = ''
  url.password = ''
  const headers: Record<string, string> =
    username === '' && password === ''
      ? {}
      : { authorization: `Basic ${btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)}` }
  const more = url.pathname.length > 1 || url.search !== '' ? '/…' : ''
  return { url: url.href, headers, name: `${url.origin}${more}` }
}

/** The part of a text that is no URL which can be repeated. */
function withoutSecrets(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/@]*@/i, '$1')
    .replace(/^((?:[a-z][a-z0-9+.-]*:\/\/)?[^/?#]*)[/?#].+$/i, '$1/…')
}
