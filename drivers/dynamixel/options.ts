/** Settings of a Dynamixel arm in the robot file. */
import Type from 'typebox';
import { MODEL_NAMES } from './models.ts';
import { BAUDS, ZERO_STEP } from './table.ts';

const whole = (minimum: number, maximum: number, description: string, value?: number) =>
  Type.Integer({ minimum, maximum, description, ...(value === undefined ? {} : { default: value }) });

const servo = Type.Object(
  {
    id: whole(0, 252, 'Its id.'),
    model: Type.Enum(MODEL_NAMES, { description: 'Its model, as printed on it.' }),
    direction: Type.Enum([1, -1], {
      default: 1,
      description: '-1 when the axis counts the other way round.',
    }),
    ratio: Type.Number({
      exclusiveMinimum: 0,
      default: 1,
      description: 'Axis units per rad of the servo: 1/3 behind a 3:1 gear; m per rad for a gripper.',
    }),
    zero: Type.Integer({
      default: ZERO_STEP,
      description: 'Step (0 to 4095, or beyond) at which the axis is at `offset`.',
    }),
    offset: Type.Number({ default: 0, description: 'rad or m of the axis at that step.' }),
    mode: Type.Enum(['position', 'extended', 'current'], {
      default: 'position',
      description:
        'position: one turn. extended: many turns. current: many turns with limited current, for grippers.',
    }),
    current: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 10,
        description: 'Largest current, A: in mode current the grip, else the limit.',
      }),
    ),
    p: whole(0, 16_383, 'Position P gain.', 800),
    i: whole(0, 16_383, 'Position I gain.', 0),
    d: whole(0, 16_383, 'Position D gain.', 0),
    feedforward: whole(0, 16_383, 'Feed-forward of velocity.', 0),
  },
  { additionalProperties: false },
);

export const dynamixelOptions = Type.Object(
  {
    port: Type.String({
      minLength: 1,
      description:
        'A path, `serial:NUMBER` of the USB adapter (survives a replug), or `auto` for the only one there is.',
    }),
    baud: Type.Enum([...BAUDS], { default: 1_000_000, description: 'Baud rate that the servos are set to.' }),
    rateHz: Type.Number({
      minimum: 0,
      maximum: 2000,
      default: 0,
      description: 'States a second; 0: as many as the wire carries.',
    }),
    patienceMs: Type.Number({
      minimum: 1,
      maximum: 1000,
      default: 6,
      description: 'How much longer than on the wire an answer may take.',
    }),
    misses: whole(2, 1000, 'Cycles in a row without a good answer after which the arm counts as lost.', 10),
    servos: Type.Array(servo, {
      minItems: 1,
      description: 'One for each axis of the device, in the same order.',
    }),
  },
  { additionalProperties: false },
);
export type DynamixelOptions = Type.Static<typeof dynamixelOptions>;
export type ServoOptions = DynamixelOptions['servos'][number];
