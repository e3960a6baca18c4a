import { PlimsollError } from './errors.ts'

export type Json = null | boolean | number | string | Json[] | JsonObject
export type JsonObject = { [key: string]: Json }

// White space, then a mark, a string or a literal. The string's loop is unrolled: one character an iteration would exhaust the stack.
const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them within a string.
  /[ \t\n\r]*(?:([{}[\],:])|("[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*")|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?![\w.+-]))/y
const MAX_DEPTH = 64

interface Token {
  readonly at: number
  readonly mark: string | undefined
  readonly text: string | undefined
  readonly literal: string | undefined
}

/**
 * Strict JSON, but where `JSON.parse` keeps the last of two equal keys, here they are an error: a book whose balance
 * is written twice must not be read either way. Every error has its line and column.
 * @throws PlimsollError
 */
export function parseJson(source: string): Json {
  try {
    return parse(source)
  } catch (error) {
    // The pattern of a token runs out of stack on a string with millions of escapes.
    if (error instanceof RangeError) throw new PlimsollError('Invalid JSON: a string in it is too long.')
    throw error
  }
}

function parse(source: string): Json {
  let position = 0

  const fail = (what: string, at: number): never => {
    const before = source.slice(0, at).split('\n')
    throw new PlimsollError(`${what} at line ${before.length}, column ${before.at(-1)!.length + 1}.`)
  }
  const next = (): Token => {
    TOKEN.lastIndex = position
    const match = TOKEN.exec(source)
    if (!match) {
      const at = position + /^[ \t\n\r]*/.exec(source.slice(position))![0].length
      return fail(at === source.length ? 'Invalid JSON: the text ends' : 'Invalid JSON', at)
    }
    position = TOKEN.lastIndex
    const [, mark, text, literal] = match
    return { at: position - (mark ?? text ?? literal)!.length, mark, text, literal }
  }
  const expect = (token: Token, ...marks: string[]): string => {
    if (token.mark === undefined || !marks.includes(token.mark)) {
      fail(`Invalid JSON: ${marks.map((mark) => `"${mark}"`).join(' or ')} is missing`, token.at)
    }
    return token.mark!
  }

  const value = (token: Token, depth: number): Json => {
    if (token.text !== undefined || token.literal !== undefined)
      return JSON.parse((token.text ?? token.literal)!) as Json
    if (depth === MAX_DEPTH) fail('JSON nested too deeply', token.at)
    if (token.mark === '[') return array(depth + 1)
    if (token.mark === '{') return object(depth + 1)
    return fail('Invalid JSON: a value is missing', token.at)
  }
  const array = (depth: number): Json[] => {
    const items: Json[] = []
    let token = next()
    if (token.mark === ']') return items
    for (;;) {
      items.push(value(token, depth))
      if (expect(next(), ',', ']') === ']') return items
      token = next()
    }
  }
  const object = (depth: number): JsonObject => {
    const entries = new Map<string, Json>()
    let token = next()
    if (token.mark === '}') return {}
    for (;;) {
      if (token.text === undefined) fail('Invalid JSON: a key is missing', token.at)
      const key = JSON.parse(token.text!) as string
      if (entries.has(key)) fail(`The key ${token.text!} is there twice`, token.at)
      expect(next(), ':')
      entries.set(key, value(next(), depth))
      // fromEntries defines own properties, so that a key such as __proto__ is only a key.
      if (expect(next(), ',', '}') === '}') return Object.fromEntries(entries)
      token = next()
    }
  }

  const result = value(next(), 0)
  const rest = position + /^[ \t\n\r]*/.exec(source.slice(position))![0].length
  if (rest < source.length) fail('Invalid JSON: more text follows', rest)
  return result
}
