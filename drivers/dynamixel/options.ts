/** Settings of a Dynamixel arm in the robot file. */
import Type from 'typebox';
import { busProperties, servoProperties, whole } from '../bus/arm/options.ts';
import { MODEL_NAMES } from './models.ts';
import { BAUDS, ZERO_STEP } from './table.ts';

const servo = Type.Object(
  {
    ...servoProperties(MODEL_NAMES, ZERO_STEP),
    mode: Type.Enum(['position', 'extended', 'current', 'velocity', 'torque'], {
      default: 'position',
      description:
        'position: one turn. extended: many turns. current: many turns with limited current, for grippers. velocity, torque: the driver closes the loop of position over speeds or currents.',
    }),
    current: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 10,
        description: 'Largest current, A: in mode current the grip, else the limit.',
      }),
    ),
    gain: Type.Number({
      exclusiveMinimum: 0,
      maximum: 50,
      default: 8,
      description: 'Mode velocity: speed for each rad of error, 1/s.',
    }),
    mayFall: Type.Boolean({
      default: false,
      description:
        'Mode torque: true says that nothing is harmed when this joint goes limp, as it does when commands end. Needed.',
    }),
    p: whole(0, 16_383, 'Position P gain.', 800),
    i: whole(0, 16_383, 'Position I gain.', 0),
    d: whole(0, 16_383, 'Position D gain.', 0),
    feedforward: whole(0, 16_383, 'Feed-forward of velocity.', 0),
    velocityP: whole(0, 16_383, 'Proportional gain of the velocity controller.', 100),
    velocityI: whole(0, 16_383, 'Integral gain of the velocity controller.', 1920),
  },
  { additionalProperties: false },
);

export const dynamixelOptions = Type.Object(
  {
    ...busProperties(BAUDS),
    servos: Type.Array(servo, {
      minItems: 1,
      description: 'One for each axis of the device, in the same order.',
    }),
  },
  { additionalProperties: false },
);
export type DynamixelOptions = Type.Static<typeof dynamixelOptions>;
export type ServoOptions = DynamixelOptions['servos'][number];
