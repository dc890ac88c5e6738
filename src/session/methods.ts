/** What a server may ask of a rig: method → schema of its parameters. Routes use the same schemas. */
import Type, { type Static, type TSchema } from 'typebox';
import { ArmloopError } from '../errors.ts';
import { choiceSchema, targetSchema, weightsSchema } from '../plan/mpc/choice.ts';
import { EPISODE_ID } from '../record/episode-id.ts';
import { schemaProblem } from '../robot/schema-problem.ts';
import { REQUEST_ARGS } from '../robot/tick.ts';

const closed = { additionalProperties: false } as const;

export const leaseNumber = Type.Integer({ minimum: 1, description: 'Number of the control lease in force.' });
const client = Type.Integer({ minimum: 0, maximum: 0xffffffff });
export const label = Type.Enum(['success', 'failure', 'unlabelled'], {
  description: 'What the episode shows.',
});
const text = (maxLength: number, description: string) => Type.String({ maxLength, description });
export const episodeId = Type.String({
  pattern: EPISODE_ID.source,
  description: 'Id of an episode, as listed.',
});

const place = (description: string) => Type.Array(Type.Number(), { minItems: 3, maxItems: 3, description });

const withLease = Type.Object({ lease: leaseNumber }, closed);

/** Control names → ControllerId, by the name of both. */
const controllers = ['hold', 'jog', 'twist', 'pose', 'trajectory', 'gripper', 'replay', 'home'] as const;
const kinds = ['arm', 'activate', 'hold', 'estop', 'clear', 'disarm'] as const;

export const methods = {
  'lease.take': Type.Object({ client, operator: text(200, 'Name of the operator.') }, closed),
  'lease.release': Type.Object({ client }, closed),
  'client.gone': Type.Object({ client }, closed),
  'cameras.watch': Type.Object(
    { cameras: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 64 }) },
    closed,
  ),
  metrics: Type.Object({}, closed),
  request: Type.Object(
    {
      kind: Type.Enum([...kinds], { description: 'What to ask of the loop; hold and estop need no lease.' }),
      lease: Type.Optional(leaseNumber),
      controller: Type.Optional(Type.Enum([...controllers], { description: 'For activate.' })),
      args: Type.Optional(
        Type.Array(Type.Number(), { maxItems: REQUEST_ARGS, description: 'What the controller documents.' }),
      ),
    },
    closed,
  ),
  estop: Type.Object({}, closed),
  'scene.reset': Type.Object(
    {
      lease: leaseNumber,
      seed: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    },
    closed,
  ),
  'scene.push': Type.Object(
    {
      lease: leaseNumber,
      body: text(100, 'Name of a body of the scene that can be moved.'),
      point: place('Where it is held, in its own frame, m.'),
      towards: place('Where the spring pulls it, in the world, m.'),
      force: Type.Optional(
        Type.Number({ minimum: 0, maximum: 150, description: 'The most that it pulls with, N. Default 60.' }),
      ),
      seconds: Type.Optional(
        Type.Number({ minimum: 0, maximum: 2, description: 'Lets go after so long; 0: now. Default 0.5.' }),
      ),
    },
    closed,
  ),
  home: withLease,
  'recording.start': Type.Object(
    {
      lease: leaseNumber,
      task: Type.Optional(text(2000, 'Task text; the default is the one of the simulated task.')),
      operator: Type.Optional(text(200, 'The default is the operator of the lease.')),
    },
    closed,
  ),
  'recording.stop': withLease,
  'recording.label': Type.Object(
    {
      lease: leaseNumber,
      label,
      cause: Type.Optional(text(2000, 'Why it failed, in words.')),
    },
    closed,
  ),
  'recording.discard': withLease,
  'recording.rerecord': withLease,
  'policy.list': Type.Object({}, closed),
  'policy.deploy': Type.Object(
    {
      lease: leaseNumber,
      policy: Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$',
        description: 'Name of a policy, as listed.',
      }),
      task: Type.Optional(text(2000, 'What it is to do, for a policy that does several things.')),
      goal: Type.Optional(
        Type.Array(Type.Number(), { maxItems: 1024, description: 'The goal, for a policy that takes one.' }),
      ),
    },
    closed,
  ),
  'policy.resume': withLease,
  'policy.stop': withLease,
  'leader.engage': withLease,
  'leader.release': withLease,
  'planner.start': Type.Object({ lease: leaseNumber, ...choiceSchema.properties }, closed),
  'planner.set': Type.Object(
    { lease: leaseNumber, target: Type.Optional(targetSchema), weights: Type.Optional(weightsSchema) },
    closed,
  ),
  'planner.resume': withLease,
  'planner.stop': withLease,
  'calibration.view': Type.Object({}, closed),
  'calibration.start': Type.Object(
    {
      lease: leaseNumber,
      what: Type.Enum(['ids', 'joints', 'gripper', 'leader'], {
        description:
          'Ids and rates of servos, one by one; zeros, directions and reach; the opening; or how the leader counts against the arm.',
      }),
      device: Type.Optional(
        text(100, 'Name of the device; the default is the only one that can be measured.'),
      ),
      axes: Type.Optional(
        Type.Array(text(100, 'Name of an axis.'), {
          minItems: 1,
          maxItems: 64,
          description: 'Default: all.',
        }),
      ),
      pose: Type.Optional(
        Type.Enum(['zero', 'home'], {
          description: 'Reference pose of joints; zero is home where 0 is out of reach.',
        }),
      ),
      repeats: Type.Optional(
        Type.Integer({ minimum: 2, maximum: 20, description: 'How often a place is taken. Default 2.' }),
      ),
      opening: Type.Optional(
        Type.Number({
          exclusiveMinimum: 0,
          maximum: 1,
          description: 'Gripper wide open, m; default: its largest.',
        }),
      ),
    },
    closed,
  ),
  'calibration.take': withLease,
  'calibration.skip': withLease,
  'calibration.hand': withLease,
  'calibration.stop': withLease,
  replay: Type.Object({ lease: leaseNumber, episode: episodeId }, closed),
} satisfies Record<string, TSchema>;

export type Method = keyof typeof methods;
export type Params<M extends Method> = Static<(typeof methods)[M]>;

/** The parameters, checked. Throws REQUEST_UNKNOWN, REQUEST_INVALID. */
export function checked(method: string, params: unknown): { method: Method; params: never } {
  const schema = Object.hasOwn(methods, method) ? methods[method as Method] : undefined;
  if (schema === undefined) throw new ArmloopError('REQUEST_UNKNOWN', { method });
  const problem = schemaProblem(schema, params);
  if (problem !== null) throw new ArmloopError('REQUEST_INVALID', { ...problem });
  return { method: method as Method, params: params as never };
}

/** What is answered during a shutdown. */
export const STILL_ANSWERED: ReadonlySet<Method> = new Set([
  'estop',
  'metrics',
  'lease.release',
  'client.gone',
  'cameras.watch',
]);
