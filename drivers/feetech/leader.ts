/** A leader of Feetech STS servos. */
import Type from 'typebox';
import type { LeaderContext, LeaderFactory } from '../../src/robot/leader.ts';
import { leaderOptions } from '../../src/robot/options.ts';
import { servoLeader } from '../bus/arm/device.ts';
import { type LeaderServos, leaderJoints } from '../bus/leader/joints.ts';
import { leaderProperties } from '../bus/leader/options.ts';
import { FeetechChain } from './chain.ts';
import { MODELS, modelNamed, type ServoModel, STS_SERIES } from './models.ts';
import type { ServoOptions } from './options.ts';
import { BAUDS } from './table.ts';

/** One chain, one series. */
const NAMES = MODELS.filter((m) => m.series === STS_SERIES).map((m) => m.name);

const schema = Type.Object(leaderProperties(NAMES, STS_SERIES.middle, BAUDS), {
  additionalProperties: false,
});
export type LeaderOptions = Type.Static<typeof schema>;

const GAINS = { p: 16, i: 0, d: 32 };

/** Throws CONFIG_INVALID. */
export function leaderServos(
  context: Omit<LeaderContext, 'now'>,
): LeaderServos<ServoOptions, ServoModel> & { readonly options: LeaderOptions } {
  const options = leaderOptions(schema, context.robot, context.entry);
  const servos = leaderJoints(context, options, {
    model: (name) => modelNamed(name)!,
    unit: ({ series }) => series.unit,
    turn: STS_SERIES.steps,
    middle: STS_SERIES.middle,
    // With a current no more torque than that gives: these servos limit torque, not current.
    settings: (servo, current): ServoOptions => {
      const model = modelNamed(servo.model)!;
      const name = servo.model as ServoOptions['model'];
      const bare = { ...servo, model: name, ...GAINS, mode: 'gripper' as const };
      return current === undefined ? bare : { ...bare, torque: Math.min(1, current / model.stallCurrent) };
    },
    weak: () => true,
  });
  return { ...servos, options };
}

/** Throws CONFIG_INVALID for bad options. */
export const createLeader: LeaderFactory = (context) =>
  servoLeader(context, leaderServos(context), (joints, options) => new FeetechChain(joints, options));
