/** Routes of the episodes in the workspace. */
import Type from 'typebox';
import { episodeId, leaseNumber } from '../session/methods.ts';
import type { Parts } from './app.ts';
import { errorSchema } from './replies.ts';

const params = Type.Object({ id: episodeId });
const errors = { '4xx': errorSchema, '5xx': errorSchema };

export function addEpisodes({ app, link }: Parts): void {
  const schema = { tags: ['episodes'], params, response: errors };
  app.post<{ Params: { id: string }; Body: { lease: number } }>(
    '/api/episodes/:id/replay',
    {
      schema: {
        ...schema,
        summary: 'Drive the arm through the episode again',
        body: Type.Object({ lease: leaseNumber }, { additionalProperties: false }),
      },
    },
    ({ params: { id }, body }) => link.request('replay', { episode: id, lease: body.lease }),
  );
}
