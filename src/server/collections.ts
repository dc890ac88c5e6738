/** Routes of autonomous sessions. They only read: a session belongs to the process that runs it. */
import type { Static } from 'typebox';
import {
  type CollectionFact,
  type CollectionLimits,
  type CollectionPlan,
  CollectionState,
} from '../session/collection.ts';
import { CollectionFiles } from '../session/collection-files.ts';
import { collectionReport, driverText } from '../session/collection-report.ts';
import type { Parts } from './app.ts';
import { idParams } from './ids.ts';
import type { Budget, CollectionDetails, CollectionItem, CollectionLine, Tail } from './learning-protocol.ts';
import { LedgerStates } from './ledgers.ts';
import { errorSchema, sendReport } from './replies.ts';
import { tailOf, tailQuery } from './tail.ts';

const errors = { '4xx': errorSchema, '5xx': errorSchema };
const params = idParams('Id of a collection, as listed.');
type Id = { Params: Static<typeof params> };

export function addCollections({ app, workspace }: Parts): void {
  const files = new CollectionFiles(workspace);
  const states = new LedgerStates<CollectionState, CollectionFact>(
    (id) => new CollectionState(files.read(id)),
    (state, fact) => state.add(fact),
  );
  const stateOf = (plan: CollectionPlan): Promise<CollectionState> =>
    states.of(plan.id, files.ledger(plan.id));
  const about = (summary: string) => ({ tags: ['collection'], summary, response: errors });

  app.get(
    '/api/collections',
    { schema: about('Autonomous sessions, newest first') },
    async (): Promise<CollectionItem[]> => {
      const plans = files.list().reverse();
      return Promise.all(plans.map(async (plan) => item(await stateOf(plan), files.isHeld(plan.id))));
    },
  );
  app.get<Id>(
    '/api/collections/:id',
    { schema: { ...about('One session: progress, budgets, what runs'), params } },
    async ({ params }) => details(await stateOf(files.read(params.id)), files.isHeld(params.id)),
  );
  app.get<Id & { Querystring: Static<typeof tailQuery> }>(
    '/api/collections/:id/ledger',
    {
      schema: {
        ...about('What happened, from the cursor of the answer before'),
        params,
        querystring: tailQuery,
      },
    },
    ({ params, query }): Promise<Tail<CollectionLine>> =>
      tailOf<CollectionFact>(files.ledger(files.read(params.id).id), query.from),
  );
  app.get<Id>(
    '/api/collections/:id/report',
    { schema: { ...about('The report as a page'), params } },
    async ({ params }, reply) => sendReport(reply, collectionReport(await stateOf(files.read(params.id)))),
  );
}

function item(state: CollectionState, held: boolean): CollectionItem {
  const { plan, totals, stopped } = state;
  const ended = stopped?.why === 'done' ? 'done' : 'stopped';
  return {
    id: plan.id,
    created: plan.created,
    task: plan.task,
    taskText: plan.taskText,
    driver: driverText(plan.driver),
    state: held ? 'running' : stopped === null ? 'killed' : ended,
    why: held ? '' : (stopped?.text ?? ''),
    wanted: plan.episodes,
    ended: totals.slots,
    attempts: totals.attempts,
    successes: totals.successes,
    rate: totals.attempts === 0 ? null : totals.rate,
    interval: totals.interval,
  };
}

function details(state: CollectionState, held: boolean): CollectionDetails {
  const { plan, totals, running } = state;
  const budget = (used: number, limit: keyof CollectionLimits): Budget => ({
    used,
    limit: plan.limits[limit],
  });
  return {
    ...item(state, held),
    robot: plan.robot.id,
    vary: plan.vary,
    cameras: plan.cameras,
    seed: plan.seed,
    retries: plan.retries,
    failures: plan.failures,
    running: held ? running.map(({ episode, seed, attempt }) => ({ episode, seed, attempt })) : [],
    budgets: {
      hours: budget(totals.hours, 'hours'),
      diskBytes: budget(totals.bytes, 'diskBytes'),
      guardStops: budget(totals.guardStops, 'guardStops'),
      failuresInRow: budget(totals.failuresInRow, 'failuresInRow'),
      jointTravel: budget(totals.jointTravel, 'jointTravel'),
      gripperCycles: budget(totals.gripperCycles, 'gripperCycles'),
    },
    versions: plan.versions,
  };
}
