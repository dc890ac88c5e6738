/** Routes of the episodes in the workspace. Files are read here; only driving one again is asked of the rig. */

import Type, { type Static } from 'typebox';
import { Catalogue } from '../episode/catalogue.ts';
import { Episode } from '../episode/episode.ts';
import { encodeTrace, readTrace } from '../episode/trace.ts';
import { ArmloopError } from '../errors.ts';
import { episodeId, label, leaseNumber } from '../session/methods.ts';
import type { Parts } from './app.ts';
import { errorSchema } from './replies.ts';

const closed = { additionalProperties: false } as const;
const errors = { '4xx': errorSchema, '5xx': errorSchema };
const id = Type.Object({ id: episodeId });
const frameParams = Type.Object({ id: episodeId, camera: Type.String({ maxLength: 64 }) });
const listQuery = Type.Object(
  { trash: Type.Optional(Type.Boolean({ description: 'Those in the trash instead.' })) },
  closed,
);
const traceQuery = Type.Object(
  { hz: Type.Number({ exclusiveMinimum: 0, maximum: 1000, default: 30, description: 'Rows per second.' }) },
  closed,
);
const frameQuery = Type.Object(
  { at: Type.Number({ default: 0, description: 'Seconds since the start of the episode.' }) },
  closed,
);
const labelBody = Type.Object(
  { label, cause: Type.Optional(Type.String({ maxLength: 2000, description: 'Why it failed, in words.' })) },
  closed,
);
const leaseBody = Type.Object({ lease: leaseNumber }, closed);

type Id = { Params: Static<typeof id> };

export function addEpisodes({ app, link, workspace }: Parts): void {
  const catalogue = new Catalogue(workspace);
  const about = (summary: string) => ({ tags: ['episodes'], summary, response: errors });

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/api/episodes',
    { schema: { ...about('Episodes, newest first'), querystring: listQuery } },
    ({ query }) => catalogue.list(query.trash === true ? { shelf: 'trash' } : {}),
  );
  app.get<Id>('/api/episodes/:id', { schema: { ...about('One episode'), params: id } }, ({ params }) =>
    catalogue.get(params.id),
  );
  app.get<Id & { Querystring: { hz?: number } }>(
    '/api/episodes/:id/trace',
    {
      schema: {
        ...about(
          'What the arm did, for play-back: u32 length of a JSON header, header, pad to 8, float64 rows',
        ),
        params: id,
        querystring: Type.Partial(traceQuery),
      },
    },
    async ({ params, query }, reply) => {
      await using episode = await Episode.open(catalogue.files, params.id);
      const trace = encodeTrace(await readTrace(episode, query.hz ?? 30));
      return reply
        .type('application/octet-stream')
        .send(Buffer.from(trace.buffer, trace.byteOffset, trace.byteLength));
    },
  );
  app.get<{ Params: Static<typeof frameParams>; Querystring: { at?: number } }>(
    '/api/episodes/:id/frame/:camera',
    {
      schema: {
        ...about('The newest camera frame at or before a time'),
        params: frameParams,
        querystring: Type.Partial(frameQuery),
      },
    },
    async ({ params, query }, reply) => {
      await using episode = await Episode.open(catalogue.files, params.id);
      const frame = await episode.frameAt(params.camera, (await episode.firstTime()) + (query.at ?? 0));
      if (frame === null) {
        throw new ArmloopError('EPISODE_NO_CAMERA', { id: params.id, camera: params.camera });
      }
      return reply.type('image/jpeg').send(Buffer.from(frame.jpeg));
    },
  );
  app.post<Id & { Body: Static<typeof labelBody> }>(
    '/api/episodes/:id/label',
    { schema: { ...about('Change the label of a closed episode'), params: id, body: labelBody } },
    ({ params, body }) => catalogue.relabel(params.id, body.label, body.cause ?? ''),
  );
  app.post<Id>(
    '/api/episodes/:id/trash',
    { schema: { ...about('Move to the trash; restore brings it back'), params: id } },
    ({ params }) => catalogue.trash(params.id),
  );
  app.post<Id>(
    '/api/episodes/:id/restore',
    { schema: { ...about('Bring back from the trash'), params: id } },
    ({ params }) => catalogue.restore(params.id),
  );
  app.post<Id & { Body: Static<typeof leaseBody> }>(
    '/api/episodes/:id/replay',
    { schema: { ...about('Drive the arm through the episode again'), params: id, body: leaseBody } },
    ({ params, body }) => link.request('replay', { episode: params.id, lease: body.lease }),
  );
}
