/** Which episodes are held out. */
import { createHash } from 'node:crypto';

export interface Split {
  readonly train: ReadonlySet<string>;
  readonly validation: ReadonlySet<string>;
}

/**
 * Whole episodes, never samples: neighbouring samples of one episode are nearly equal. Episodes are ranked by a hash of
 * seed and name and the first round(share · n) are held out, so an episode that is added moves few others. A share above
 * 0 holds out at least one, and one is always left to train on.
 */
export function splitEpisodes(
  names: readonly string[],
  options: { readonly validation: number; readonly seed: number },
): Split {
  const rank = (name: string): string =>
    createHash('sha256').update(`${options.seed}\n${name}`).digest('hex');
  const ranked = names.map((name) => [rank(name), name] as const).sort((a, b) => (a[0] < b[0] ? -1 : 1));
  const wanted = options.validation > 0 ? Math.max(1, Math.round(options.validation * names.length)) : 0;
  const held = Math.min(wanted, names.length - 1);
  return {
    train: new Set(ranked.slice(held).map(([, name]) => name)),
    validation: new Set(ranked.slice(0, held).map(([, name]) => name)),
  };
}
