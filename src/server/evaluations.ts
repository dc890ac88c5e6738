/** Routes of evaluations. They only read: an evaluation belongs to the process that runs it. */
import type { Static } from 'typebox';
import { concluded, type EpisodeFact, type Evaluation, verdictText } from '../session/evaluation.ts';
import { EvaluationFiles } from '../session/evaluation-files.ts';
import { seedText } from '../session/seeds.ts';
import type { Parts } from './app.ts';
import { idParams } from './ids.ts';
import type { EvaluationItem } from './learning-protocol.ts';
import { LedgerStates } from './ledgers.ts';
import { errorSchema, sendReport } from './replies.ts';

const errors = { '4xx': errorSchema, '5xx': errorSchema };
const params = idParams('Id of an evaluation, as listed.');
type Id = { Params: Static<typeof params> };

export function addEvaluations({ app, workspace }: Parts): void {
  const evaluations = new Evaluations(workspace);
  const about = (summary: string) => ({ tags: ['evaluation'], summary, response: errors });

  app.get('/api/evaluations', { schema: about('Evaluations of policies, newest first') }, () =>
    evaluations.list(),
  );
  app.get<Id>(
    '/api/evaluations/:id',
    { schema: { ...about('One evaluation: results so far'), params } },
    ({ params }) => evaluations.one(params.id),
  );
  app.get<Id>(
    '/api/evaluations/:id/report',
    { schema: { ...about('The report as a page'), params } },
    async ({ params }, reply) => sendReport(reply, await evaluations.report(params.id)),
  );
}

/** Evaluations of the workspace with what their ledgers say. */
export class Evaluations {
  readonly #files: EvaluationFiles;
  readonly #facts = new LedgerStates<EpisodeFact[], EpisodeFact>(
    () => [],
    (facts, fact) => void facts.push(fact),
  );

  constructor(workspace: string) {
    this.#files = new EvaluationFiles(workspace);
  }

  /** Newest first. */
  list(): Promise<EvaluationItem[]> {
    const found = this.#files.list().reverse();
    return Promise.all(found.map((evaluation) => this.#item(evaluation)));
  }

  /** Throws EVALUATION_UNKNOWN. */
  one(id: string): Promise<EvaluationItem> {
    return this.#item(this.#files.read(id));
  }

  /** The document as of now: while it runs, too. Throws EVALUATION_UNKNOWN. */
  async report(id: string): Promise<string> {
    const evaluation = this.#files.read(id);
    return this.#files.reportOf(concluded(evaluation, await this.#factsOf(id)));
  }

  #factsOf(id: string): Promise<EpisodeFact[]> {
    return this.#facts.of(id, this.#files.ledger(id));
  }

  async #item(stored: Evaluation): Promise<EvaluationItem> {
    const { id } = stored;
    const held = this.#files.isHeld(id);
    const told = concluded(stored, await this.#factsOf(id));
    const [a, b] = told.contestants;
    const results = told.results ?? [];
    return {
      id,
      started: told.started,
      finished: told.finished,
      state: held ? 'running' : told.state === 'done' ? 'done' : 'stopped',
      task: told.task,
      taskText: told.taskText,
      robot: told.robot.id,
      contestants: told.contestants.map(({ side, name, sha256, latencyMs }) => ({
        side,
        name,
        sha256,
        latencyMs,
      })),
      wanted: told.seeds.length * told.contestants.length,
      ended: results.reduce((sum, r) => sum + r.episodes, 0),
      seeds: seedText(told.seeds),
      vary: told.vary,
      images: told.images,
      goal: told.goal,
      results,
      verdict:
        told.comparison === null || a === undefined || b === undefined
          ? null
          : verdictText(told.comparison, a.name, b.name),
      versions: told.versions,
    };
  }
}
