/** Number of answers of an endpoint that are waited for at a time. */
const WIDTH = 16

/**
 * Results of `fetch` for each item, in the order of the items, with several under way at a time: an endpoint that is far away
 * is not waited for once an item.
 */
export async function* inOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  fetch: (item: T) => Promise<R> | R,
  width = WIDTH,
): AsyncGenerator<R> {
  const pending: Promise<R>[] = []
  for await (const item of items) {
    const result = (async () => fetch(item))()
    // Whoever draws hears of a failure in its turn, or has stopped drawing.
    result.catch(() => {})
    pending.push(result)
    if (pending.length >= width) yield await pending.shift()!
  }
  for (const result of pending) yield await result
}
