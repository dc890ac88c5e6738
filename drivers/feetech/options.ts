/** Settings of a Feetech arm in the robot file. */
import Type from 'typebox';
import { type BusSettings, busProperties, servoProperties, whole } from '../bus/arm/options.ts';
import { MODEL_NAMES, STS_SERIES } from './models.ts';
import { BAUDS } from './table.ts';

const part = (description: string) =>
  Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1, description }));

const servo = Type.Object(
  {
    ...servoProperties(MODEL_NAMES, STS_SERIES.middle),
    mode: Type.Enum(['position', 'gripper'], {
      default: 'position',
      description:
        'gripper: half the torque, little current, and an overload is its grip, not a fault (see torque, current, overload).',
    }),
    torque: part('Most torque, part of the stall torque; left out: all of it, of a gripper half.'),
    current: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 3.25,
        description: 'Current at which it protects itself, A; left out: 3.25, of a gripper 1.625.',
      }),
    ),
    overload: part(
      'Part of the torque that counts as overload when it lasts; it then goes on with the protective torque. Left out: 0.8, of a gripper 0.25.',
    ),
    p: whole(0, 254, 'Position P gain.', 16),
    i: whole(0, 254, 'Position I gain.', 0),
    d: whole(0, 254, 'Position D gain.', 32),
  },
  { additionalProperties: false },
);

export const feetechOptions = Type.Object(
  {
    ...busProperties(BAUDS),
    servos: Type.Array(servo, {
      minItems: 1,
      description: 'One for each axis of the device, in the same order.',
    }),
  },
  { additionalProperties: false },
);
export type ServoOptions = Type.Static<typeof servo>;
export type FeetechOptions = BusSettings<ServoOptions>;
