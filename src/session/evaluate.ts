/**
 * Runs an evaluation: every policy on every seed, spread over workers, one line of the ledger per episode as soon as it
 * is over. What a crash or Ctrl-C leaves is gone on with by running it again.
 */

import { ArmloopError } from '../errors.ts';
import type { Attempt, AttemptResult } from './attempt.ts';
import type { CellFrame } from './driver.ts';
import { concluded, type EpisodeFact, type Evaluation } from './evaluation.ts';
import type { EvaluationFiles } from './evaluation-files.ts';
import type { JobPool } from './job-pool.ts';
import { pictureStrip } from './strip.ts';

/** What a worker tells of one attempt. */
export interface EvaluatedAttempt extends AttemptResult {
  /** Id of the recorded episode that was kept. */
  readonly episode: string | null;
}

export interface EvaluateOptions {
  readonly files: EvaluationFiles;
  readonly evaluation: Evaluation;
  readonly pool: JobPool<Attempt, EvaluatedAttempt>;
  /** Takes no more attempts once aborted. */
  readonly signal?: AbortSignal;
  /** Monotonic seconds. */
  readonly now: () => number;
  progress?(done: number, of: number, newest: EpisodeFact | null): void;
}

/**
 * Runs what is missing, and writes results and report. The state of the answer is `running` when it was aborted before
 * the end. Rejects with what a cell or policy rejects with, after keeping what was finished.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { files, evaluation, pool, now } = options;
  const { id, seeds, contestants } = evaluation;
  using _ = files.hold(id);
  const started = now();
  const of = seeds.length * contestants.length;
  const missing = attempts(evaluation, files.facts(id));
  let done = of - missing.length;
  files.write(evaluation);
  const close = (): Evaluation => {
    const facts = files.facts(id);
    const all = attempts(evaluation, facts).length === 0;
    const told = concluded(
      {
        ...evaluation,
        state: all ? 'done' : 'running',
        finished: all ? new Date().toISOString() : null,
        wallS: evaluation.wallS + now() - started,
      },
      facts,
    );
    files.write(told);
    files.writeReport(told);
    return told;
  };
  using ledger = files.openLedger(id);
  options.progress?.(done, of, null);
  try {
    await pool.run(
      missing,
      async ({ fact, frames, episode }) => {
        const strip = await storeStrip(files, id, fact, frames);
        const line: EpisodeFact = { ...fact, episode, strip };
        ledger.append(line);
        options.progress?.(++done, of, line);
      },
      options.signal,
    );
  } catch (error) {
    close();
    throw error;
  }
  return close();
}

async function storeStrip(
  files: EvaluationFiles,
  id: string,
  fact: Pick<EpisodeFact, 'side' | 'seed'>,
  frames: readonly CellFrame[],
): Promise<EpisodeFact['strip']> {
  const strip = await pictureStrip(frames);
  if (strip === null) return null;
  return { file: files.writeStrip(id, fact.side, fact.seed, strip.jpeg), times: strip.times };
}

/** What is still to be run, A and B in turn on each seed. */
export function attempts(
  { seeds, contestants, images }: Evaluation,
  facts: readonly EpisodeFact[],
): Attempt[] {
  const have = new Set(facts.map((f) => `${f.side} ${f.seed}`));
  return seeds.flatMap((seed, i) =>
    contestants
      .filter((c) => !have.has(`${c.side} ${seed}`))
      .map(({ side }) => ({ side, seed, imagesOf: images === 'own' ? seed : otherSeed(seeds, i) })),
  );
}

/** The next seed of the list in a circle; the one after it for a single seed. */
function otherSeed(seeds: readonly number[], i: number): number {
  const next = seeds[(i + 1) % seeds.length]!;
  return next === seeds[i] ? next + 1 : next;
}

/** Throws EVALUATION_CHANGED when what is there now would give other episodes than those already counted. */
export function checkSame(
  stored: Evaluation,
  now: Pick<Evaluation, 'robot' | 'contestants' | 'versions'>,
): void {
  const refuse = (what: string): never => {
    throw new ArmloopError('EVALUATION_CHANGED', { id: stored.id, what });
  };
  if (stored.robot.sha256 !== now.robot.sha256) refuse(`the robot file ${stored.robot.file}`);
  stored.contestants.forEach((c, i) => {
    if (c.sha256 !== now.contestants[i]?.sha256) refuse(`the policy ${c.name}`);
  });
  for (const [name, version] of Object.entries(stored.versions)) {
    if (version !== now.versions[name])
      refuse(`the version of ${name} (${version}, now ${now.versions[name]})`);
  }
}
