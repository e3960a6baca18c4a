type Chapter = (this: Mocha.Context) => void | Promise<void>

/** Mocha's `it` for one story. */
export interface Story {
  (title: string, chapter: Chapter): void
  /** Lives through what has not been lived through yet: for the `before` of a suite that begins where the story ends. */
  readonly through: Chapter
}

/**
 * Mocha's `it` for tests that tell one story in their order: one that is chosen alone lives first through those before it.
 * Each is lived through once.
 */
export function chapters(): Story {
  const told: { readonly chapter: Chapter; lived: boolean }[] = []
  const live = async (context: Mocha.Context, end: number) => {
    for (const one of told.slice(0, end)) {
      if (one.lived) continue
      one.lived = true
      await one.chapter.call(context)
    }
  }
  const tell = (title: string, chapter: Chapter) => {
    const own = told.push({ chapter, lived: false })
    it(title, function () {
      return live(this, own)
    })
  }
  return Object.assign(tell, {
    through(this: Mocha.Context) {
      return live(this, told.length)
    },
  })
}
