/** Routes that ask something of the rig. Their bodies have the schemas of src/session/methods.ts. */
import Type, { type TSchema } from 'typebox';
import { ArmloopError } from '../errors.ts';
import { MPC_TASKS } from '../plan/mpc/tasks.ts';
import { type Method, methods } from '../session/methods.ts';
import type { Parts } from './app.ts';
import type { Hello } from './protocol.ts';
import { errorSchema } from './replies.ts';

const seq = Type.Object({ seq: Type.Integer({ description: 'Number of the request, as in the Tick.' }) });
const episode = Type.Object({ episode: Type.String({ description: 'Id of the episode.' }) });

const texts = Type.Array(Type.String());
const policyListing = Type.Object({
  name: Type.String(),
  description: Type.String(),
  tasks: texts,
  conditions: texts,
  goal: Type.Union([Type.Null(), texts]),
  execution: Type.String(),
  rateHz: Type.Number(),
  evaluation: Type.Union([
    Type.Null(),
    Type.Object({
      task: Type.String(),
      episodes: Type.Integer(),
      successes: Type.Integer(),
      low: Type.Number(),
      high: Type.Number(),
      date: Type.String(),
    }),
  ]),
  problems: texts,
});

interface Route {
  readonly url: string;
  readonly method: Method;
  readonly tag: string;
  readonly summary: string;
  readonly answer: TSchema;
}

const POSTS: readonly Route[] = [
  {
    url: '/api/request',
    method: 'request',
    tag: 'motion',
    summary: 'Arm, activate a controller, hold, stop, clear or disarm',
    answer: seq,
  },
  {
    url: '/api/estop',
    method: 'estop',
    tag: 'motion',
    summary: 'Emergency stop; needs no lease',
    answer: seq,
  },
  { url: '/api/home', method: 'home', tag: 'motion', summary: 'Drive to the home pose', answer: seq },
  {
    url: '/api/scene/reset',
    method: 'scene.reset',
    tag: 'scene',
    summary: 'New simulated scene, from the seed given or from a new one',
    answer: Type.Object({ seed: Type.Integer() }),
  },
  {
    url: '/api/scene/push',
    method: 'scene.push',
    tag: 'scene',
    summary: 'Pull at a body of the simulated scene by a spring, for a moment',
    answer: Type.Object({}),
  },
  {
    url: '/api/recording/start',
    method: 'recording.start',
    tag: 'recording',
    summary: 'Start an episode',
    answer: episode,
  },
  {
    url: '/api/recording/stop',
    method: 'recording.stop',
    tag: 'recording',
    summary: 'End the episode and review it',
    answer: episode,
  },
  {
    url: '/api/recording/label',
    method: 'recording.label',
    tag: 'recording',
    summary: 'Label the episode under review and close its file',
    answer: episode,
  },
  {
    url: '/api/recording/discard',
    method: 'recording.discard',
    tag: 'recording',
    summary: 'Move the episode to the trash',
    answer: episode,
  },
  {
    url: '/api/recording/rerecord',
    method: 'recording.rerecord',
    tag: 'recording',
    summary: 'Discard, reset the scene, start again',
    answer: episode,
  },
  {
    url: '/api/policy/deploy',
    method: 'policy.deploy',
    tag: 'policies',
    summary: 'Load a policy, and let it drive',
    answer: seq,
  },
  {
    url: '/api/policy/resume',
    method: 'policy.resume',
    tag: 'policies',
    summary: 'Hand back to the policy that is loaded: it goes on from where the arm is',
    answer: seq,
  },
  {
    url: '/api/policy/stop',
    method: 'policy.stop',
    tag: 'policies',
    summary: 'Hold, and let go of the policy',
    answer: Type.Object({}),
  },
  {
    url: '/api/leader/engage',
    method: 'leader.engage',
    tag: 'motion',
    summary:
      'Let the leader drive, where it agrees with the arm; an actuated one goes to the pose of the arm first',
    answer: seq,
  },
  {
    url: '/api/leader/release',
    method: 'leader.release',
    tag: 'motion',
    summary: 'The leader drives no more, and the arm holds',
    answer: Type.Object({}),
  },
  {
    url: '/api/planner/start',
    method: 'planner.start',
    tag: 'planning',
    summary: 'Build a planner for a task, and let it drive',
    answer: seq,
  },
  {
    url: '/api/planner/set',
    method: 'planner.set',
    tag: 'planning',
    summary: 'Another target or other weights from the next plan on',
    answer: Type.Object({}),
  },
  {
    url: '/api/planner/resume',
    method: 'planner.resume',
    tag: 'planning',
    summary: 'Hand back to the planner that is loaded: it goes on from where the arm is',
    answer: seq,
  },
  {
    url: '/api/planner/stop',
    method: 'planner.stop',
    tag: 'planning',
    summary: 'Hold, and let go of the planner',
    answer: Type.Object({}),
  },
];

const plannerTask = Type.Object({
  name: Type.String(),
  text: Type.String(),
  targets: texts,
  drive: Type.String(),
  horizon: Type.Integer(),
  dt: Type.Number(),
  terms: Type.Array(
    Type.Object({
      name: Type.String(),
      kind: Type.String(),
      weight: Type.Number(),
      final: Type.Number(),
    }),
  ),
});

export function addRigRoutes({ app, link }: Parts): void {
  for (const { url, method, tag, summary, answer } of POSTS) {
    const body = methods[method];
    // A body that needs nothing may be left away.
    const bare = method === 'estop';
    app.post(
      url,
      {
        schema: {
          tags: [tag],
          summary,
          ...(bare ? {} : { body }),
          response: { 200: answer, '4xx': errorSchema, '5xx': errorSchema },
        },
      },
      (request) => link.request(method, bare ? {} : request.body),
    );
  }
  app.get(
    '/api/policies',
    {
      schema: {
        tags: ['policies'],
        summary: 'Policies by name, with what keeps each of them from driving this rig',
        response: { 200: Type.Array(policyListing), '4xx': errorSchema, '5xx': errorSchema },
      },
    },
    () => link.request('policy.list', {}),
  );
  app.get(
    '/api/planner/tasks',
    {
      schema: {
        tags: ['planning'],
        summary: 'What a planner can be asked to do',
        response: { 200: Type.Array(plannerTask) },
      },
    },
    () => MPC_TASKS,
  );
  app.get(
    '/api/rig',
    { schema: { tags: ['rig'], summary: 'The rig: robot, layout of the live stream, scene, session' } },
    () => {
      const hello = helloNow(link.hello, link.connected);
      if (hello === null) throw new ArmloopError('RIG_UNREACHABLE', { path: 'its socket' });
      const { type: _, ...rest } = hello;
      return rest;
    },
  );
  app.get('/api/health', { schema: { tags: ['rig'], summary: 'Whether the server sees its rig' } }, () => ({
    server: true,
    rig: link.connected,
  }));
}

/** What a client is told first: what the rig said last, with whether it is there now. */
export function helloNow(hello: Hello | null, connected: boolean): Hello | null {
  if (hello === null || hello.session.connected === connected) return hello;
  return { ...hello, session: { ...hello.session, connected } };
}
