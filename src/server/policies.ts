/** Route of one policy: its whole contract, read from its bundle. The list and what drives come from the rig. */
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { ArmloopError } from '../errors.ts';
import { listBundles, loadBundle } from '../policy/bundle.ts';
import { packageRoot } from '../root.ts';
import type { Parts } from './app.ts';
import type { PolicyDetails } from './learning-protocol.ts';
import { errorSchema } from './replies.ts';

const params = Type.Object({
  name: Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$',
    description: 'Name of a policy, as listed.',
  }),
});

export function addPolicies({ app, workspace }: Parts): void {
  const own = join(workspace, 'policies');
  const places = [own, join(packageRoot(), 'policies')];
  app.get<{ Params: Static<typeof params> }>(
    '/api/policies/:name',
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
