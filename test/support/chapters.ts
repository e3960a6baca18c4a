/**
 * Mocha's `it` for tests that tell one story in their order: one that is chosen alone lives first through those before it.
 * Each is lived through once.
 */
export function chapters(): (title: string, chapter: (this: Mocha.Context) => void | Promise<void>) => void {
  const told: { readonly chapter: (this: Mocha.Context) => void | Promise<void>; lived: boolean }[] = []
  return (title, chapter) => {
    const own = told.push({ chapter, lived: false })
    it(title, async function () {
      for (const one of told.slice(0, own)) {
        if (one.lived) continue
        one.lived = true
        await one.chapter.call(this)
      }
    })
  }
}
