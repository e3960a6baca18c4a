const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for HTML: symbols and file names come from users. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!)
}

/** A table; columns of `right` are flush right. Cells are text, not HTML. */
export function htmlTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const cell = (tag: 'td' | 'th') => (text: string, column: number) =>
    `<${tag}${right.includes(column) ? ' class="right"' : ''}>${escapeHtml(text)}</${tag}>`
  const line = (tag: 'td' | 'th', cells: readonly string[]) => `<tr>${cells.map(cell(tag)).join('')}</tr>`
  const body = rows.map((row) => line('td', row)).join('\n')
  return `<div class="scroll"><table>\n<thead>${line('th', header)}</thead>\n<tbody>\n${body}\n</tbody>\n</table></div>`
}

export interface Section {
  readonly title: string
  /** A sentence or two on what is to be seen; HTML. */
  readonly lead: string
  /** Charts and tables; HTML. */
  readonly body: readonly string[]
  /** The command that prints the same numbers. */
  readonly command?: string
}

const STYLE = `
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2430; background: #fff; margin: 0 auto; max-width: 1040px; padding: 32px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 21px; margin: 44px 0 4px; border-top: 1px solid #d7dce2; padding-top: 24px; }
p { margin: 8px 0; max-width: 78ch; }
p.note { color: #5a6675; font-size: 14px; }
code, pre { font: 13px/1.5 ui-monospace, monospace; background: #f3f5f8; border-radius: 4px; }
code { padding: 1px 5px; overflow-wrap: anywhere; }
figure { margin: 16px 0; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { color: #5a6675; font-size: 14px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; margin: 12px 0; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: left; white-space: pre; vertical-align: top; border-bottom: 1px solid #e6eaef; }
th { font-weight: 600; color: #3c4757; border-bottom-color: #b9c1cc; }
.right { text-align: right; }
@media print { body { max-width: none; padding: 0; } h2 { break-after: avoid; } figure, table { break-inside: avoid; } }
`

/** One page without scripts, fonts or anything else from elsewhere. */
export function htmlPage(title: string, lead: string, sections: readonly Section[]): string {
  const parts = sections.map(
    ({ title, lead, body, command }) =>
      `<section>\n<h2>${escapeHtml(title)}</h2>\n<p>${lead}</p>\n${body.join('\n')}${command === undefined ? '' : `\n<p class="note">The same numbers, of a book in a file: <code>${escapeHtml(command)}</code></p>`}\n</section>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${lead}
${parts.join('\n')}
</body>
</html>
`
}

/** A chart with a caption. */
export function figure(svg: string, caption: string): string {
  return `<figure role="img" aria-label="${escapeHtml(caption)}">\n${svg}\n<figcaption>${escapeHtml(caption)}</figcaption>\n</figure>`
}
