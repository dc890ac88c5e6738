/** Where a collection lies: `<workspace>/collections/<id>/` with collection.json, ledger.jsonl and report.html. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ArmloopError } from '../errors.ts';
import { checkEpisodeId, isEpisodeId } from '../record/episode-id.ts';
import { EpisodeFiles, writeAtomically } from '../record/files.ts';
import { Ledger, readLedger } from '../record/ledger.ts';
import { holdLock, lockHolder } from '../record/lock.ts';
import {
  COLLECTION_FORMAT,
  type CollectionFact,
  type CollectionPlan,
  CollectionState,
} from './collection.ts';
import { collectionReport } from './collection-report.ts';

export class CollectionFiles {
  /** Of all collections. */
  readonly folder: string;
  readonly episodes: EpisodeFiles;

  constructor(workspace: string) {
    this.folder = join(workspace, 'collections');
    this.episodes = new EpisodeFiles(workspace);
  }

  /** Folder of one. Throws EPISODE_BAD_ID. */
  of(id: string): string {
    return join(this.folder, checkEpisodeId(id));
  }

  /** Newest last; those that have no readable collection.json are left out. */
  list(): CollectionPlan[] {
    if (!existsSync(this.folder)) return [];
    const ids = readdirSync(this.folder).filter(isEpisodeId).sort();
    return ids.flatMap((id) => this.#parse(id) ?? []);
  }

  /** Throws COLLECTION_UNKNOWN, EPISODE_BAD_ID. */
  read(id: string): CollectionPlan {
    const found = this.#parse(checkEpisodeId(id));
    if (found === null) throw new ArmloopError('COLLECTION_UNKNOWN', { id, folder: this.folder });
    return found;
  }

  /** Makes the folder of a new one. */
  create(plan: CollectionPlan): void {
    mkdirSync(this.of(plan.id), { recursive: true });
    this.episodes.makeFolders();
    writeAtomically(join(this.of(plan.id), 'collection.json'), `${JSON.stringify(plan, null, 1)}\n`);
  }

  /** Plan and ledger put together. Throws LEDGER_DAMAGED. */
  state(plan: CollectionPlan): CollectionState {
    return new CollectionState(plan, readLedger<CollectionFact>(this.ledger(plan.id)));
  }

  ledger(id: string): string {
    return join(this.of(id), 'ledger.jsonl');
  }

  openLedger(id: string): Ledger<CollectionFact> {
    return Ledger.open(this.ledger(id));
  }

  /** What an attempt that was cut short left behind. It can be made again to the byte. */
  clear(episode: string): void {
    if (this.episodes.isLocked(episode)) throw new ArmloopError('EPISODE_BUSY', { id: episode });
    for (const path of [
      this.episodes.mcap(episode),
      this.episodes.sidecar(episode),
      this.episodes.rest(episode),
      this.episodes.mcap(episode, 'trash'),
      this.episodes.sidecar(episode, 'trash'),
      this.episodes.lock(episode),
      ...this.episodes.halves(episode),
    ]) {
      rmSync(path, { force: true });
    }
  }

  /** Holds the collection for this process until disposal. Throws COLLECTION_BUSY. */
  hold(id: string): Disposable {
    return holdLock(this.#lock(id), (pid) => new ArmloopError('COLLECTION_BUSY', { id, pid }));
  }

  /** Whether a living process works on it. */
  isHeld(id: string): boolean {
    return lockHolder(this.#lock(id)) !== null;
  }

  writeReport(state: CollectionState): string {
    const path = join(this.of(state.plan.id), 'report.html');
    writeAtomically(path, collectionReport(state));
    return path;
  }

  #lock(id: string): string {
    return join(this.of(id), 'lock');
  }

  #parse(id: string): CollectionPlan | null {
    try {
      const json = JSON.parse(
        readFileSync(join(this.folder, id, 'collection.json'), 'utf8'),
      ) as CollectionPlan;
      return json.format === COLLECTION_FORMAT ? json : null;
    } catch {
      return null;
    }
  }
}
