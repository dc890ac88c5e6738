/**
 * The cache folder: names, who uses it, and what goes when it is full. Files are named by the hash of all that they
 * depend on, so nothing in it is ever wrong, only unused; it may be deleted whenever nothing trains from it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lockHolder, writeLock } from '../../record/lock.ts';
import { CACHE_FORMAT } from './pack.ts';

const PACK = '.pack';
const LEASE = '.lease';
let leases = 0;

/** JSON with sorted keys: equal values give equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    v !== null && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

/** Where the pack that depends on these things lies. */
export function packPath(folder: string, depends: object): string {
  const key = createHash('sha256').update(canonical({ format: CACHE_FORMAT, ...depends }));
  return join(folder, `${key.digest('hex').slice(0, 40)}${PACK}`);
}

/**
 * Says that this process uses packs: those that it opens from now on stay until it is disposed of or the process is
 * gone, whoever cleans up.
 */
export class CacheLease implements Disposable {
  readonly folder: string;
  readonly #file: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    // A second of slack: times of files may be coarser than the clock.
    const since = Date.now() - 1000;
    this.#file = join(folder, `${since}-${process.pid}-${leases++}${LEASE}`);
    const temporary = `${this.#file}.new-${process.pid}-lease`;
    writeLock(temporary);
    renameSync(temporary, this.#file);
  }

  /** Deletes packs, those used longest ago first, until the rest fits or only packs in use are left. */
  tidy(limitBytes: number): void {
    const names = readdirSync(this.folder);
    const living = names.filter((name) => name.endsWith(LEASE)).flatMap((name) => this.#holder(name));
    const since = Math.min(...living.map((l) => l.since));
    for (const name of names) {
      // What a process was writing when it ended.
      const pid = /\.new-(\d+)-/.exec(name)?.[1];
      if (pid !== undefined && !living.some((l) => l.pid === Number(pid))) this.#remove(name);
    }
    const packs = names
      .filter((name) => name.endsWith(PACK))
      .flatMap((name) => {
        const stat = statSync(join(this.folder, name), { throwIfNoEntry: false });
        return stat === undefined ? [] : [{ name, bytes: stat.size, used: stat.mtimeMs }];
      })
      .sort((a, b) => a.used - b.used);
    let total = packs.reduce((sum, p) => sum + p.bytes, 0);
    for (const { name, bytes, used } of packs) {
      if (total <= limitBytes || used >= since) return;
      this.#remove(name);
      total -= bytes;
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#file, { force: true });
  }

  /** Who holds packs used since when (ms since 1970); nobody, and the lease gone, when its process is. */
  #holder(name: string): { readonly pid: number; readonly since: number }[] {
    const pid = lockHolder(join(this.folder, name));
    if (pid !== null) return [{ pid, since: Number.parseInt(name, 10) }];
    this.#remove(name);
    return [];
  }

  #remove(name: string): void {
    rmSync(join(this.folder, name), { force: true });
  }
}
