/**
 * By which every asset can be told, and printed: its number, such as `#2`, where its token's name is empty, another's
 * or unprintable.
 */
export function distinctSymbols(symbols: readonly string[]): string[] {
  return symbols.map((symbol, a) =>
    symbol === '' || /\p{C}/u.test(symbol) || symbols.indexOf(symbol) !== a ? `#${a}` : symbol,
  )
}
