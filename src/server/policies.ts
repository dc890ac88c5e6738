/** Route of one policy: its whole contract, read from its bundle. The list and what drives come from the rig. */
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { ArmloopError } from '../errors.ts';
import { listBundles, loadBundle } from '../policy/bundle.ts';
import { policyPlaces } from '../rig/kinds.ts';
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

export function addPolicies({ app, workspace }: Parts): void {
  const places = policyPlaces(workspace);
  const [own = ''] = places;
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
      const bundles = listBundles(places);
      const found = bundles.find((b) => b.name === params.name);
      if (found === undefined) {
        const known = bundles.map((b) => b.name).join(', ') || 'none';
        throw new ArmloopError('POLICY_UNKNOWN', { policy: params.name, known });
      }
      const { manifest, sha256 } = loadBundle(found.folder);
      return { name: found.name, sha256, manifest, shipped: join(own, found.name) !== found.folder };
    },
  );
}
