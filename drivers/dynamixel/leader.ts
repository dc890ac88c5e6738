/** A leader of DYNAMIXEL X-series servos. */
import Type from 'typebox';
import type { LeaderContext, LeaderFactory } from '../../src/robot/leader.ts';
import { leaderOptions } from '../../src/robot/options.ts';
import { servoLeader } from '../bus/arm/device.ts';
import { type LeaderServos, leaderJoints } from '../bus/leader/joints.ts';
import { leaderProperties } from '../bus/leader/options.ts';
import { DynamixelChain } from './chain.ts';
import { MODEL_NAMES, modelNamed, type ServoModel } from './models.ts';
import type { ServoOptions } from './options.ts';
import { BAUDS, POSITION_UNIT, STEPS, ZERO_STEP } from './table.ts';

const schema = Type.Object(leaderProperties(MODEL_NAMES, ZERO_STEP, BAUDS), { additionalProperties: false });
export type LeaderOptions = Type.Static<typeof schema>;

const GAINS = {
  p: 800,
  i: 0,
  d: 0,
  feedforward: 0,
  velocityP: 100,
  velocityI: 1920,
  gain: 8,
  mayFall: false,
};

/** Throws CONFIG_INVALID. */
export function leaderServos(
  context: Omit<LeaderContext, 'now'>,
): LeaderServos<ServoOptions, ServoModel> & { readonly options: LeaderOptions } {
  const options = leaderOptions(schema, context.robot, context.entry);
  const servos = leaderJoints(context, options, {
    model: (name) => modelNamed(name)!,
    unit: () => POSITION_UNIT,
    turn: STEPS,
    middle: ZERO_STEP,
    // Many turns; with a current, no more of it than that.
    settings: (servo, current): ServoOptions => {
      const bare = { ...servo, model: servo.model as ServoOptions['model'], ...GAINS };
      return current === undefined ? { ...bare, mode: 'extended' } : { ...bare, mode: 'current', current };
    },
    weak: (model) => model.currentLimit !== null,
  });
  return { ...servos, options };
}

/** Throws CONFIG_INVALID for bad options. */
export const createLeader: LeaderFactory = (context) =>
  servoLeader(context, leaderServos(context), (joints, options) => new DynamixelChain(joints, options));
