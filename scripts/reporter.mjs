/** A node:test reporter for scripts/test.mjs: one JSON line per event that counts. */
export default async function* reporter(source) {
  const open = [];
  for await (const { type, data } of source) {
    const at = data?.nesting ?? 0;
    if (type === 'test:dequeue') yield line({ type: 'start', name: data.name, nesting: at });
    if (type === 'test:start') {
      open.length = at;
      open[at] = data.name;
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const name = [...open.slice(0, at), data.name].join(' › ');
    const error = type === 'test:fail' ? describe(data.details?.error) : undefined;
    yield line({
      type: type.slice(5),
      name,
      suite: data.details?.type === 'suite',
      ms: data.details?.duration_ms,
      skip: data.skip,
      todo: data.todo,
      error,
      // A suite fails with its tests; only its own failures (a hook) count.
      follows: data.details?.error?.failureType === 'subtestsFailed',
    });
  }
}

const line = (value) => `${JSON.stringify(value)}\n`;

function describe(error) {
  const cause = error?.cause ?? error;
  if (cause === undefined) return 'failed';
  return typeof cause === 'string' ? cause : (cause.stack ?? cause.message ?? String(cause));
}
