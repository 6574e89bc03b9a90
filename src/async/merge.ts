/** Values of several sources in the order they come. Ends when all have ended; closes the others when one fails. */
export async function* merge<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  type Turn = { readonly iterator: AsyncIterator<T>; readonly result: IteratorResult<T> };
  const take = async (iterator: AsyncIterator<T>): Promise<Turn> => ({
    iterator,
    result: await iterator.next(),
  });
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const pending = new Map(iterators.map((iterator) => [iterator, take(iterator)]));
  try {
    while (pending.size > 0) {
      const { iterator, result } = await Promise.race(pending.values());
      if (result.done === true) {
        pending.delete(iterator);
      } else {
        pending.set(iterator, take(iterator));
        yield result.value;
      }
    }
  } finally {
    const closing = [...pending.keys()].map(async (iterator) => iterator.return?.());
    for (const each of pending.values()) each.catch(() => {});
    await Promise.allSettled(closing);
  }
}
