/** Lists of seeds as people write them: `0..99`, `3,7,9..12`. */
import { ArmloopError } from '../errors.ts';

/** More episodes than anyone runs at once: a slip of the keyboard, not a wish. */
const MOST = 1_000_000;

/** The seeds in the order given, both ends of a range included. Throws SEEDS_INVALID. */
export function parseSeeds(text: string): number[] {
  const bad = (rule: string): never => {
    throw new ArmloopError('SEEDS_INVALID', { seeds: JSON.stringify(text.slice(0, 60)), rule });
  };
  const seeds: number[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,15})\s*(?:\.\.\s*(\d{1,15})\s*)?$/.exec(part);
    if (match === null) return bad('a list of whole numbers and ranges, as in 0..99 or 3,7,9..12, is wanted');
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first) return bad(`the range ${first}..${last} runs backwards`);
    if (seeds.length + last - first >= MOST) return bad(`at most ${MOST} seeds are run at once`);
    for (let seed = first; seed <= last; seed++) seeds.push(seed);
  }
  const twice = firstRepeated(seeds);
  return twice === null ? seeds : bad(`seed ${twice} is named twice`);
}

function firstRepeated(seeds: readonly number[]): number | null {
  const seen = new Set<number>();
  for (const seed of seeds) {
    if (seen.has(seed)) return seed;
    seen.add(seed);
  }
  return null;
}

/** The shortest text that `parseSeeds` reads back as these seeds. */
export function seedText(seeds: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < seeds.length; ) {
    let end = i;
    while (end + 1 < seeds.length && seeds[end + 1] === seeds[end]! + 1) end++;
    parts.push(end - i < 2 ? seeds.slice(i, end + 1).join(',') : `${seeds[i]}..${seeds[end]}`);
    i = end + 1;
  }
  return parts.join(',');
}
