/** Routes of one policy: its whole contract, read from its bundle, and goals for it. The list and what drives come from the rig. */
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { episodeGoal } from '../episode/goal.ts';
import { ArmloopError } from '../errors.ts';
import { type BundleSummary, listBundles, loadBundle } from '../policy/bundle.ts';
import { EpisodeFiles } from '../record/files.ts';
import { policyPlaces } from '../rig/kinds.ts';
import { episodeId } from '../session/methods.ts';
import type { Parts } from './app.ts';
import type { PolicyDetails } from './learning-protocol.ts';
import { errorSchema } from './replies.ts';

/** The rig answers it. */
const LIST = '/api/policies';
const params = Type.Object({
  name: Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$',
    description: 'Name of a policy, as listed.',
  }),
});

const goalQuery = Type.Object(
  { episode: episodeId },
  { additionalProperties: false, description: 'The episode whose end is the goal.' },
);

export function addPolicies({ app, workspace }: Parts): void {
  const places = policyPlaces(workspace);
  const [own = ''] = places;
  const find = (name: string): BundleSummary => {
    const bundles = listBundles(places);
    const found = bundles.find((b) => b.name === name);
    if (found !== undefined) return found;
    const known = bundles.map((b) => b.name).join(', ') || 'none';
    throw new ArmloopError('POLICY_UNKNOWN', { policy: name, known });
  };
  app.get<{ Params: Static<typeof params> }>(
    `${LIST}/:name`,
    {
      schema: {
        tags: ['policies'],
        summary: 'One policy: its whole contract',
        params,
        response: { '4xx': errorSchema, '5xx': errorSchema },
      },
    },
    ({ params }): PolicyDetails => {
      const found = find(params.name);
      const { manifest, sha256 } = loadBundle(found.folder);
      return { name: found.name, sha256, manifest, shipped: join(own, found.name) !== found.folder };
    },
  );
  app.get<{ Params: Static<typeof params>; Querystring: Static<typeof goalQuery> }>(
    `${LIST}/:name/goal`,
    {
      schema: {
        tags: ['policies'],
        summary: 'How things were at the end of an episode, as the policy takes its goal',
        params,
        querystring: goalQuery,
        response: {
          200: Type.Object({ goal: Type.Array(Type.Number()) }),
          '4xx': errorSchema,
          '5xx': errorSchema,
        },
      },
    },
    async ({ params, query }) => {
      const { manifest } = loadBundle(find(params.name).folder);
      return { goal: await episodeGoal(manifest, query.episode, new EpisodeFiles(workspace)) };
    },
  );
}
