/** The servos of a leader: its joints, then the trigger, then levers, each as the joint of a chain. */
import { ArmloopError } from '../../../src/errors.ts';
import type { LeaderContext } from '../../../src/robot/leader.ts';
import type { AxisSpec } from '../../../src/robot/spec.ts';
import type { BusJoint, ServoEntry, ServoModelBase } from '../arm/joint.ts';
import { JointMap } from '../arm/joint-map.ts';
import type { LeaderSettings } from './options.ts';
import type { LeaderParts } from './servo-leader.ts';

/** A joint of a leader may be anywhere, turned as often as it likes. */
const ANYWHERE = 4 * Math.PI;

export interface LeaderBus<S extends ServoEntry, M extends ServoModelBase> {
  readonly model: (name: string) => M;
  /** rad per step, and steps of a whole turn. */
  readonly unit: (model: M) => number;
  readonly turn: number;
  /** Step in the middle of a turn. */
  readonly middle: number;
  /** What is set in the servo; `current` (A) limits it, undefined for a passive leader. */
  readonly settings: (servo: ServoEntry, current: number | undefined) => S;
  /** Whether a servo can be told to pull no harder than a current. */
  readonly weak: (model: M) => boolean;
}

export interface LeaderServos<S extends ServoEntry, M extends ServoModelBase> {
  readonly joints: readonly BusJoint<S, M>[];
  readonly parts: LeaderParts;
}

/** Throws CONFIG_INVALID. */
export function leaderJoints<S extends ServoEntry, M extends ServoModelBase>(
  { robot, entry }: Omit<LeaderContext, 'now'>,
  options: LeaderSettings,
  bus: LeaderBus<S, M>,
): LeaderServos<S, M> {
  const refuse = (path: string, value: string | number, rule: string): never => {
    const where = { file: robot.source.file, path: `leader.options.${path}` };
    throw new ArmloopError('CONFIG_INVALID', { ...where, value, rule });
  };
  const { servos, trigger, levers, follow } = options;
  if (servos.length !== entry.joints.length) {
    const rule = `leader.joints has ${entry.joints.length} (default: one per arm axis)`;
    refuse('servos', `${servos.length} servos`, rule);
  }
  if (trigger !== undefined && trigger.squeezed === trigger.released)
    refuse('trigger.squeezed', trigger.squeezed, 'it must differ from released');
  levers.forEach(({ released, pressed }, i) => {
    if (pressed === released) refuse(`levers[${i}].pressed`, pressed, 'it must differ from released');
  });
  const straight = { direction: 1, zero: bus.middle } as const;
  const all = [
    ...servos.map((s, i) => ({ ...s, path: `servos[${i}]`, name: entry.joints[i]!.axis })),
    ...(trigger === undefined ? [] : [{ ...trigger, ...straight, path: 'trigger', name: 'trigger' }]),
    ...levers.map((l, i) => ({ ...l, ...straight, path: `levers[${i}]`, name: `lever${i}` })),
  ];
  if (all.length === 0) refuse('servos', 'no servo', 'a leader has at least one joint, trigger or lever');
  const joints = all.map(({ path, name, id, model: modelName, direction, zero }, i) => {
    const first = all.findIndex((s) => s.id === id);
    if (first !== i) refuse(`${path}.id`, id, `${all[first]!.path} has that id already`);
    const model = bus.model(modelName);
    if (follow !== undefined && !bus.weak(model))
      refuse(`${path}.model`, modelName, 'it does not measure its current, so it cannot follow weakly');
    const servo = { id, model: modelName, direction, ratio: 1, zero, offset: 0 };
    const map = new JointMap(axisOf(name, follow?.speed ?? 1), { ...servo, unit: bus.unit(model) });
    const settings = bus.settings(servo, follow?.current);
    return { id, name: `${name} (id ${id})`, options: settings, model, map };
  });
  return {
    joints,
    parts: {
      joints: joints.slice(0, servos.length).map((j) => j.map),
      trigger: trigger === undefined ? null : { released: trigger.released, pressed: trigger.squeezed },
      levers,
      turn: bus.turn,
      drive: follow === undefined ? 'passive' : 'actuated',
    },
  };
}

function axisOf(name: string, speed: number): AxisSpec {
  return {
    name,
    device: '',
    type: 'revolute',
    min: -ANYWHERE,
    max: ANYWHERE,
    velocity: speed,
    acceleration: 4 * speed,
    jerk: 40 * speed,
    effort: 1,
    home: 0,
    joints: [],
    kp: 0,
    kd: 0,
  };
}
