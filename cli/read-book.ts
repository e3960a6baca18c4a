import { readFile } from 'node:fs/promises'
import { type Book, parseBook } from '../protocol/book.ts'
import { PlimsollError } from '../protocol/errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'no permission to read it',
}

/**
 * Reads and checks a BOOK.json.
 * @throws PlimsollError naming the file, and the field that is wrong
 */
export function readBook(path: string): Promise<Book> {
  return readParsed(path, parseBook)
}

/** Reads a file of JSON. @throws PlimsollError naming the file, and what is wrong in it */
export async function readParsed<T>(path: string, parse: (text: string) => T): Promise<T> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new PlimsollError(`Cannot read ${path}: ${REASONS[error.code ?? ''] ?? error.message}.`)
  })
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new PlimsollError(`${path}: not a text in UTF-8.`)
  }
  try {
    return parse(text)
  } catch (error) {
    if (error instanceof PlimsollError)
      throw new PlimsollError(`${path}: ${error.message}`, error.hint === undefined ? {} : { hint: error.hint })
    throw error
  }
}
