/** Episode ids: the only thing from a client that ever names a file, so the pattern is strict. */
import { ArmloopError } from '../errors.ts';

export const EPISODE_ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export function isEpisodeId(id: string): boolean {
  return EPISODE_ID.test(id);
}

/** Returns the id, or throws EPISODE_BAD_ID. */
export function checkEpisodeId(id: string): string {
  if (!isEpisodeId(id)) throw new ArmloopError('EPISODE_BAD_ID', { id: JSON.stringify(id.slice(0, 80)) });
  return id;
}

/** `20260131-142501-3f9c`: UTC date and time of the start, then four hex digits of `random` (0 ≤ random < 1). */
export function newEpisodeId(wallSeconds: number, random: number): string {
  const stamp = new Date(wallSeconds * 1000)
    .toISOString()
    .replace(/[-:]/g, '')
    .replace('T', '-')
    .slice(0, 15);
  const tail = Math.floor(random * 0x10000)
    .toString(16)
    .padStart(4, '0');
  return `${stamp}-${tail}`;
}
