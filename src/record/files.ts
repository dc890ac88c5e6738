/**
 * Where episodes lie: `<workspace>/episodes/<id>.mcap` with its sidecar `<id>.json`, and the same names in
 * `<workspace>/trash`. Nothing here overwrites or deletes a finished episode.
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ArmloopError } from '../errors.ts';
import { checkEpisodeId, isEpisodeId } from './episode-id.ts';
import { lockHolder, releaseLock, writeLock } from './lock.ts';
import { syncFolder } from './sink.ts';

export type Shelf = 'episodes' | 'trash';

export class EpisodeFiles {
  readonly workspace: string;

  constructor(workspace: string) {
    this.workspace = workspace;
  }

  folder(shelf: Shelf): string {
    return join(this.workspace, shelf);
  }

  makeFolders(): void {
    for (const shelf of ['episodes', 'trash'] as const) mkdirSync(this.folder(shelf), { recursive: true });
  }

  /** Throws EPISODE_BAD_ID. */
  mcap(id: string, shelf: Shelf = 'episodes'): string {
    return join(this.folder(shelf), `${checkEpisodeId(id)}.mcap`);
  }

  sidecar(id: string, shelf: Shelf = 'episodes'): string {
    return join(this.folder(shelf), `${checkEpisodeId(id)}.json`);
  }

  lock(id: string): string {
    return join(this.folder('episodes'), `${checkEpisodeId(id)}.lock`);
  }

  /** Bytes of a damaged file that repair could not place, kept aside. */
  rest(id: string): string {
    return join(this.folder('episodes'), `${checkEpisodeId(id)}.rest`);
  }

  /** Ids on a shelf, oldest first by name. */
  ids(shelf: Shelf): string[] {
    if (!existsSync(this.folder(shelf))) return [];
    const names = readdirSync(this.folder(shelf)).filter((name) => name.endsWith('.mcap'));
    return names
      .map((name) => name.slice(0, -5))
      .filter(isEpisodeId)
      .sort();
  }

  /** Where the episode lies. Throws EPISODE_UNKNOWN. */
  shelfOf(id: string): Shelf {
    for (const shelf of ['episodes', 'trash'] as const) if (existsSync(this.mcap(id, shelf))) return shelf;
    throw new ArmloopError('EPISODE_UNKNOWN', { id });
  }

  /**
   * Moves an episode with everything that belongs to it. Throws EPISODE_UNKNOWN when it is not there, EPISODE_EXISTS
   * when the other shelf has one of that id, EPISODE_BUSY while it is being recorded.
   */
  move(id: string, from: Shelf, to: Shelf): void {
    if (!existsSync(this.mcap(id, from))) throw new ArmloopError('EPISODE_UNKNOWN', { id });
    if (existsSync(this.mcap(id, to))) throw new ArmloopError('EPISODE_EXISTS', { id, where: to });
    if (this.isLocked(id)) throw new ArmloopError('EPISODE_BUSY', { id });
    mkdirSync(this.folder(to), { recursive: true });
    moveNew(this.mcap(id, from), this.mcap(id, to));
    for (const end of ['.json', '.rest']) {
      const source = join(this.folder(from), id + end);
      if (existsSync(source)) renameSync(source, join(this.folder(to), id + end));
    }
    syncFolder(this.folder(from));
    syncFolder(this.folder(to));
  }

  /** Removes what this process has begun to write under that id and will not finish. */
  discardUnfinished(id: string): void {
    rmSync(this.mcap(id), { force: true });
    this.releaseLock(id);
  }

  /** Sidecars of that id that a killed process had begun to write and never put in place. */
  halves(id: string): string[] {
    const half = temporaryOf(`${checkEpisodeId(id)}.json`, '');
    return (['episodes', 'trash'] as const).flatMap((shelf) => {
      const folder = this.folder(shelf);
      const names = existsSync(folder) ? readdirSync(folder) : [];
      return names.filter((name) => name.startsWith(half)).map((name) => join(folder, name));
    });
  }

  /** Marks the episode as being written by this process. */
  takeLock(id: string): void {
    writeLock(this.lock(id));
  }

  releaseLock(id: string): void {
    releaseLock(this.lock(id));
  }

  /** True while a living process writes it. */
  isLocked(id: string): boolean {
    return lockHolder(this.lock(id)) !== null;
  }
}

/** Replaces or makes a file in one step: a reader sees the old or the new one, never half. */
export function writeAtomically(path: string, text: string): void {
  const temporary = temporaryOf(path, process.pid);
  writeFileSync(temporary, text, { flush: true });
  renameSync(temporary, path);
}

/** What a file is called while the process of that number writes it. */
const temporaryOf = (path: string, pid: number | ''): string => `${path}.new-${pid}`;

/** Renames without ever replacing: link fails when the target exists, which rename does not. */
export function moveNew(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // File systems without hard links (FAT, some network shares); the target was just seen to be absent.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EXDEV') throw error;
    renameSync(from, to);
    return;
  }
  unlinkSync(from);
}
