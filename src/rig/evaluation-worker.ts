/** A worker of an evaluation: a lockstep cell with the drivers of all contestants, one attempt after the other. */
import { renameSync, writeFileSync } from 'node:fs';
import { loadKinematics } from '../model/load.ts';
import { EpisodeFiles } from '../record/files.ts';
import { MemorySink } from '../record/sink.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { type Attempt, attempt, type Candidate } from '../session/attempt.ts';
import { LockstepCell } from '../session/cell.ts';
import type { EvaluatedAttempt } from '../session/evaluate.ts';
import type { Evaluation, Side } from '../session/evaluation.ts';
import { type JobHandler, serveJobs } from '../session/job-pool.ts';
import { openCandidate } from './candidates.ts';
import { cellParts } from './cell-parts.ts';

export interface EvaluationWorkerData {
  /** The cell's robot, from `evaluationSpec`. */
  readonly spec: RobotSpec;
  readonly evaluation: Evaluation;
  /** Where recorded episodes go. */
  readonly workspace: string;
}

class EvaluationWorker implements JobHandler<Attempt, EvaluatedAttempt> {
  readonly #data: EvaluationWorkerData;
  readonly #cell: LockstepCell;
  readonly #candidates: ReadonlyMap<Side, Candidate>;
  readonly #robot: ReadonlySet<string>;

  private constructor(
    data: EvaluationWorkerData,
    cell: LockstepCell,
    candidates: ReadonlyMap<Side, Candidate>,
  ) {
    this.#data = data;
    this.#cell = cell;
    this.#candidates = candidates;
    this.#robot = new Set(loadKinematics(data.spec).bodies.map((b) => b.name));
  }

  static async open(data: EvaluationWorkerData): Promise<EvaluationWorker> {
    const cell = await LockstepCell.open({ spec: data.spec, parts: cellParts });
    const candidates = new Map<Side, Candidate>();
    for (const contestant of data.evaluation.contestants) {
      candidates.set(contestant.side, await openCandidate(data.evaluation, contestant, data.spec));
    }
    return new EvaluationWorker(data, cell, candidates);
  }

  async run(job: Attempt): Promise<EvaluatedAttempt> {
    const { evaluation } = this.#data;
    const id = `${evaluation.id}-${job.side.toLowerCase()}-${job.seed}`;
    const sink = evaluation.record === 'none' ? null : new MemorySink();
    const result = await attempt(this.#cell, this.#candidates.get(job.side)!, job, {
      pictures: evaluation.pictures,
      timeLimitS: evaluation.timeLimitS,
      robot: this.#robot,
      ...(sink === null ? {} : { record: recording(evaluation, job, id, sink) }),
    });
    const keep = sink !== null && (evaluation.record === 'all' || !result.fact.success);
    if (keep) this.#store(id, sink);
    return { ...result, episode: keep ? id : null };
  }

  /** An attempt that a crash made run twice gives the same bytes: one takes the place of the other. */
  #store(id: string, sink: MemorySink): void {
    const files = new EpisodeFiles(this.#data.workspace);
    files.makeFolders();
    const path = files.mcap(id);
    writeFileSync(`${path}.new`, sink.bytes(), { flush: true });
    renameSync(`${path}.new`, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const candidate of this.#candidates.values()) await candidate[Symbol.asyncDispose]();
    await this.#cell[Symbol.asyncDispose]();
  }
}

function recording(evaluation: Evaluation, { side, seed, imagesOf }: Attempt, id: string, sink: MemorySink) {
  const contestant = evaluation.contestants.find((c) => c.side === side)!;
  const started = BigInt(Math.floor(Date.parse(evaluation.started) / 1000)) * 1_000_000_000n;
  return {
    sink,
    id,
    wallOffsetNs: started,
    operator: contestant.name,
    notes: {
      evaluation: evaluation.id,
      policy_sha256: contestant.sha256,
      ...(imagesOf === seed ? {} : { images_of: String(imagesOf) }),
    },
  };
}

await serveJobs(EvaluationWorker.open);
