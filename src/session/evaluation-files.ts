/**
 * Where an evaluation lies: `<workspace>/evaluations/<id>/` with evaluation.json, ledger.jsonl, report.html and the
 * picture strips of its failures in failures/.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArmloopError } from '../errors.ts';
import { checkEpisodeId, isEpisodeId } from '../record/episode-id.ts';
import { writeAtomically } from '../record/files.ts';
import { Ledger, readLedger } from '../record/ledger.ts';
import { holdLock, lockHolder } from '../record/lock.ts';
import { type EpisodeFact, EVALUATION_FORMAT, type Evaluation, type Side } from './evaluation.ts';
import { evaluationReport } from './evaluation-report.ts';

const STRIP = /^failures\/[ab]-\d+\.jpg$/;

export class EvaluationFiles {
  /** Of all evaluations. */
  readonly folder: string;

  constructor(workspace: string) {
    this.folder = join(workspace, 'evaluations');
  }

  /** Folder of one. Throws EPISODE_BAD_ID. */
  of(id: string): string {
    return join(this.folder, checkEpisodeId(id));
  }

  /** Throws EPISODE_BAD_ID. */
  has(id: string): boolean {
    return existsSync(this.of(id));
  }

  /** Newest last; those that have no readable evaluation.json are left out. */
  list(): Evaluation[] {
    if (!existsSync(this.folder)) return [];
    const ids = readdirSync(this.folder).filter(isEpisodeId).sort();
    return ids.flatMap((id) => {
      const found = this.#parse(id);
      return found === null ? [] : [found];
    });
  }

  /** Throws EVALUATION_UNKNOWN, EPISODE_BAD_ID. */
  read(id: string): Evaluation {
    const found = this.#parse(checkEpisodeId(id));
    if (found === null) throw new ArmloopError('EVALUATION_UNKNOWN', { id, folder: this.folder });
    return found;
  }

  write(evaluation: Evaluation): void {
    mkdirSync(join(this.of(evaluation.id), 'failures'), { recursive: true });
    writeAtomically(
      join(this.of(evaluation.id), 'evaluation.json'),
      `${JSON.stringify(evaluation, null, 1)}\n`,
    );
  }

  /** Holds the evaluation for this process until disposal. Throws EVALUATION_BUSY. */
  hold(id: string): Disposable {
    mkdirSync(this.of(id), { recursive: true });
    return holdLock(this.#lock(id), (pid) => new ArmloopError('EVALUATION_BUSY', { id, pid }));
  }

  /** Whether a living process works on it. */
  isHeld(id: string): boolean {
    return lockHolder(this.#lock(id)) !== null;
  }

  facts(id: string): EpisodeFact[] {
    return readLedger(this.ledger(id));
  }

  ledger(id: string): string {
    return join(this.of(id), 'ledger.jsonl');
  }

  openLedger(id: string): Ledger<EpisodeFact> {
    return Ledger.open(this.ledger(id));
  }

  /** Stores the strip of one episode and gives the name for its fact. */
  writeStrip(id: string, side: Side, seed: number, jpeg: Uint8Array): string {
    const file = `failures/${side.toLowerCase()}-${seed}.jpg`;
    writeFileSync(join(this.of(id), file), jpeg);
    return file;
  }

  /** Path of the report. */
  report(id: string): string {
    return join(this.of(id), 'report.html');
  }

  /** Writes report.html from what the folder holds, and gives its path. */
  writeReport(evaluation: Evaluation): string {
    const path = this.report(evaluation.id);
    writeAtomically(path, this.reportOf(evaluation));
    return path;
  }

  /** The report as of now. */
  reportOf(evaluation: Evaluation): string {
    const folder = this.of(evaluation.id);
    const strip = (file: string): Uint8Array | null => {
      // A ledger from elsewhere must not name a file outside.
      const path = STRIP.test(file) ? join(folder, file) : '';
      return existsSync(path) ? readFileSync(path) : null;
    };
    return evaluationReport(evaluation, this.facts(evaluation.id), strip);
  }

  #lock(id: string): string {
    return join(this.of(id), 'lock');
  }

  #parse(id: string): Evaluation | null {
    try {
      const json = JSON.parse(readFileSync(join(this.folder, id, 'evaluation.json'), 'utf8')) as Evaluation;
      return json.format === EVALUATION_FORMAT ? json : null;
    } catch {
      return null;
    }
  }
}
