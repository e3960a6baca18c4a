/**
 * The anchors that GitHub gives the headings of a Markdown text: lower case, spaces to dashes, the rest of punctuation
 * dropped.
 */
export function headingAnchors(markdown: string): Set<string> {
  const anchors = new Set<string>()
  for (const line of outsideFences(markdown)) {
    const heading = /^#{1,6} +(.*?) *$/.exec(line)?.[1]
    if (heading === undefined) continue
    const base = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
    let anchor = base
    for (let n = 1; anchors.has(anchor); n++) anchor = `${base}-${n}`
    anchors.add(anchor)
  }
  return anchors
}

/** A fenced block of a Markdown text. */
export interface Fence {
  /** What follows the opening fence, such as `sh`. */
  readonly info: string
  readonly lines: readonly string[]
}

/** The fenced blocks of a Markdown text, in its order. */
export function fences(markdown: string): Fence[] {
  const found: { info: string; lines: string[] }[] = []
  let open: { info: string; lines: string[] } | undefined
  for (const line of markdown.split('\n')) {
    const fence = /^```(.*)$/.exec(line)
    if (fence !== null && open === undefined) open = { info: fence[1]!.trim(), lines: [] }
    else if (fence !== null) {
      found.push(open!)
      open = undefined
    } else open?.lines.push(line)
  }
  return found
}

function outsideFences(markdown: string): string[] {
  let inside = false
  return markdown.split('\n').filter((line) => {
    if (!line.startsWith('```')) return !inside
    inside = !inside
    return false
  })
}
