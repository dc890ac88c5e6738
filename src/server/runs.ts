/** Routes of training runs. They only read: a run belongs to the process that trains it. */
import type { Static } from 'typebox';
import { listRuns, RunFolder } from '../learn/run-folder.ts';
import type { Parts } from './app.ts';
import { idParams } from './ids.ts';
import type { MetricsLine, RunDetails, RunItem, Tail } from './learning-protocol.ts';
import { errorSchema } from './replies.ts';
import { tailOf, tailQuery } from './tail.ts';

const errors = { '4xx': errorSchema, '5xx': errorSchema };
const params = idParams('Id of a run, as listed.');
type Id = { Params: Static<typeof params> };

export function addRuns({ app, workspace }: Parts): void {
  const about = (summary: string) => ({ tags: ['training'], summary, response: errors });

  app.get('/api/runs', { schema: about('Training runs, newest first') }, (): RunItem[] =>
    listRuns(workspace),
  );
  app.get<Id>('/api/runs/:id', { schema: { ...about('One run with its recipe'), params } }, ({ params }) =>
    details(RunFolder.open(workspace, params.id)),
  );
  app.get<Id & { Querystring: Static<typeof tailQuery> }>(
    '/api/runs/:id/metrics',
    {
      schema: {
        ...about('The curves, from the cursor of the answer before'),
        params,
        querystring: tailQuery,
      },
    },
    ({ params, query }): Promise<Tail<MetricsLine>> =>
      tailOf<MetricsLine>(RunFolder.open(workspace, params.id).metrics.path, query.from),
  );
}

function details(run: RunFolder): RunDetails {
  const { recipe, robot, tasks, episodes, samples, skipped, dataSha256, versions } = run.facts;
  const count = (split: 'train' | 'validation'): number => episodes.filter((e) => e.split === split).length;
  const { minutes } = recipe.training;
  return {
    ...run.summary,
    recipe: run.recipeText,
    description: recipe.description,
    budget: minutes === undefined ? null : 60 * minutes,
    robots: robot.ids,
    tasks,
    episodes: { train: count('train'), validation: count('validation') },
    samples,
    skipped,
    dataSha256,
    versions,
  };
}
