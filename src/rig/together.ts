/** Opens parts side by side, all of them or none. */

/** Waits for all. Where one fails, those that did not are let go of again, and it rejects with the first reason. */
export async function together<T extends readonly (AsyncDisposable | null)[]>(
  parts: {
    readonly [K in keyof T]: Promise<T[K]>;
  },
): Promise<T> {
  const settled = await Promise.allSettled(parts as readonly Promise<AsyncDisposable | null>[]);
  const opened = settled.flatMap((s) => (s.status === 'fulfilled' ? [s.value] : []));
  const failed = settled.find((s) => s.status === 'rejected');
  if (failed === undefined) return opened as unknown as T;
  await Promise.allSettled(opened.map((part) => part?.[Symbol.asyncDispose]()));
  throw failed.reason;
}
