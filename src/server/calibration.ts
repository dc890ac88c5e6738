/** Routes of calibration: what is measured, and the guided procedure that the rig walks through. */
import Type, { type Static } from 'typebox';
import { type Method, methods } from '../session/methods.ts';
import type { Parts } from './app.ts';
import type { CalibrationView } from './calibration-protocol.ts';
import { errorSchema } from './replies.ts';

const maybe = (description: string) => Type.Union([Type.Number({ description }), Type.Null()]);
const maybeText = Type.Union([Type.String(), Type.Null()]);
const texts = Type.Array(Type.String());

const axis = Type.Object({
  axis: Type.String(),
  unit: Type.Enum(['rad', 'm']),
  zero: maybe('Raw position at which the axis is at `at`.'),
  at: maybe('rad or m.'),
  direction: maybe('1 or -1.'),
  scale: maybe('Axis units per raw unit, where it was measured.'),
  origin: maybe('Zero that the servo itself had been given, raw.'),
  residual: maybe('How far repetitions lay apart, in `unit`.'),
  low: maybe('Least position that it was moved to.'),
  high: maybe('Largest position that it was moved to.'),
  date: maybeText,
  ageDays: maybe('Since its oldest entry.'),
  problem: Type.String({ description: 'Why it does not hold; empty when it does.' }),
});

const view = Type.Object({
  hardware: Type.Enum(['real', 'emulated']),
  barred: Type.String({ description: 'Why torque stays off; empty when it does not.' }),
  sha256: maybeText,
  files: Type.Array(
    Type.Object({
      kind: Type.String(),
      version: Type.Integer(),
      written: Type.String(),
      sha256: Type.String(),
    }),
  ),
  devices: Type.Array(
    Type.Object({
      device: Type.String(),
      kind: Type.String(),
      status: Type.Enum(['unneeded', 'file', 'emulated', 'missing', 'stale', 'fits']),
      words: Type.String(),
      notes: texts,
      procedures: Type.Array(Type.Enum(['ids', 'joints', 'gripper'])),
      away: Type.String({ description: 'Why it is not open; empty when it is.' }),
      axes: Type.Array(axis),
      raw: Type.Union([Type.Array(Type.Number()), Type.Null()]),
      torque: Type.Union([Type.Enum(['on', 'off']), Type.Null()]),
    }),
  ),
  leader: Type.Union([
    Type.Null(),
    Type.Object({
      name: Type.String(),
      status: Type.Enum(['missing', 'stale', 'fits']),
      words: Type.String(),
      heard: Type.Enum(['yes', 'no'], { description: 'Its readings come.' }),
      joints: Type.Array(
        Type.Object({
          axis: Type.String({ description: 'Joint, or `trigger`.' }),
          direction: maybe('1 or -1.'),
          offset: maybe('Added to have the position of the arm, rad.'),
          low: maybe('What the trigger reads let go.'),
          high: maybe('What the trigger reads squeezed.'),
          residual: maybe('How far repetitions lay apart, rad.'),
          method: Type.String(),
          date: maybeText,
          now: maybe('What it reads, rad; trigger: 0 to 1.'),
        }),
      ),
    }),
  ]),
  procedure: Type.Union([
    Type.Null(),
    Type.Object({
      device: Type.String(),
      what: Type.String(),
      at: Type.Integer({ description: 'Step, counted from 0.' }),
      of: Type.Integer(),
      words: Type.String({ description: 'What the hand is to do.' }),
      skippable: Type.Boolean(),
      axes: texts,
      doing: Type.String({ description: 'What goes on now; empty for nothing.' }),
      said: Type.String({ description: 'What the step before came to; empty for nothing.' }),
      hand: Type.Boolean({ description: 'There is an emulated hand.' }),
    }),
  ]),
});

/** What is documented has everything that the rig says. */
type Documented = Static<typeof view> extends CalibrationView ? typeof view : never;
const answer: Documented = view;

const POSTS: readonly { readonly name: string; readonly method: Method; readonly summary: string }[] = [
  { name: 'start', method: 'calibration.start', summary: 'Begin a guided procedure; torque must be off' },
  {
    name: 'take',
    method: 'calibration.take',
    summary:
      'The arm is where the step says: read it, and go on. After the last step the next version is written',
  },
  { name: 'skip', method: 'calibration.skip', summary: 'Go on without this step, where that may be' },
  { name: 'hand', method: 'calibration.hand', summary: 'Dry run: the emulated hand does what the step says' },
  { name: 'stop', method: 'calibration.stop', summary: 'End the procedure; nothing is written' },
];

export function addCalibration({ app, link }: Parts): void {
  const tags = ['calibration'];
  const response = { 200: answer, '4xx': errorSchema, '5xx': errorSchema };
  app.get(
    '/api/calibration',
    { schema: { tags, summary: 'What is measured of each device, and the procedure under way', response } },
    () => link.request('calibration.view', {}),
  );
  for (const { name, method, summary } of POSTS) {
    app.post(
      `/api/calibration/${name}`,
      { schema: { tags, summary, body: methods[method], response } },
      (request) => link.request(method, request.body),
    );
  }
}
