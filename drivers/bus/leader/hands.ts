/** Hands that move an emulated leader: from what a joint is to ask for, to where its servo is to be. */
import { ArmloopError } from '../../../src/errors.ts';
import type { Emulation } from '../../../src/robot/device.ts';
import type { LeaderContext } from '../../../src/robot/leader.ts';
import type { LeaderEntry } from '../../../src/robot/spec.ts';
import type { ServoLoad } from '../emulator/arm.ts';
import type { HandMove } from '../emulator/hand.ts';
import type { EmulatorHandle } from '../emulator/host.ts';
import type { LeaderSettings } from './options.ts';

type Context = Omit<LeaderContext, 'now'>;

/** kg·m² at the horn of a small printed arm, and parts of the stall torque: friction holds against gravity. */
const INERTIA = 0.0015;
const FRICTION = 0.04;
const GRAVITY = 0.02;
const STOPS: readonly [number, number] = [-20, 20];

export class LeaderHands {
  readonly #context: Context;
  readonly #settings: LeaderSettings;
  readonly #angle: (steps: number) => number;

  /** `angle` turns steps into rad at the horn. */
  constructor(context: Context, settings: LeaderSettings, angle: (steps: number) => number) {
    this.#context = context;
    this.#settings = settings;
    this.#angle = angle;
  }

  /** What can be moved, in the order of the servos: axes, `trigger`, `lever0`, … */
  get parts(): readonly string[] {
    const { trigger, levers } = this.#settings;
    return [
      ...this.#context.entry.joints.map((j) => j.axis),
      ...(trigger === undefined ? [] : ['trigger']),
      ...levers.map((_, i) => `lever${i}`),
    ];
  }

  /**
   * The move of one part: an axis to the place that the leader is to ask for (rad), `trigger` and levers to a part 0..1
   * of their travel; null lets go. Undefined for a name that it does not have.
   */
  move(part: string, to: number | null, seconds: number): HandMove | undefined {
    const found = this.#place(part, to ?? 0);
    return found === undefined ? undefined : { ...found, angle: to === null ? null : found.angle, seconds };
  }

  /** Where each servo starts, and what it carries: at the arm's home, or released. */
  start(part: string, stallTorque: number): { readonly angle: number; readonly load: ServoLoad } {
    const { angle } = this.#place(part, this.#home(part))!;
    const [friction, gravity] = [FRICTION * stallTorque, GRAVITY * stallTorque];
    return { angle, load: { inertia: INERTIA, friction, gravity, rest: angle, stops: STOPS } };
  }

  /** The setups of its servos. */
  servos(
    joints: readonly {
      readonly id: number;
      readonly model: { readonly name: string; readonly stallTorque: number };
    }[],
  ): { readonly id: number; readonly model: string; readonly angle: number; readonly load: ServoLoad }[] {
    return this.parts.map((part, i) => {
      const { id, model } = joints[i]!;
      return { id, model: model.name, ...this.start(part, model.stallTorque) };
    });
  }

  #place(part: string, to: number): { readonly id: number; readonly angle: number } | undefined {
    const { servos, trigger, levers } = this.#settings;
    const { joints } = this.#context.entry;
    const i = joints.findIndex((j) => j.axis === part);
    const servo = servos[i];
    if (servo !== undefined) {
      const { sign, scale, offset } = joints[i]!;
      const turned = (servo.direction * (to - offset)) / (sign * scale);
      return { id: servo.id, angle: this.#angle(servo.zero) + turned };
    }
    const between = (id: number, from: number, end: number) => ({
      id,
      angle: this.#angle(from + to * (end - from)),
    });
    if (part === 'trigger' && trigger !== undefined)
      return between(trigger.id, trigger.released, trigger.squeezed);
    const lever = /^lever\d+$/.test(part) ? levers[Number(part.slice(5))] : undefined;
    return lever && between(lever.id, lever.released, lever.pressed);
  }

  #home(part: string): number {
    const { robot, entry } = this.#context;
    const axis = robot.axes.find((a) => a.name === part);
    if (axis !== undefined) return axis.home;
    const gripper = robot.axes[robot.gripperAxis];
    if (part !== 'trigger' || gripper === undefined || entry.trigger === null) return 0;
    const { released, squeezed } = entry.trigger;
    return Math.min(1, Math.max(0, (gripper.home - released) / (squeezed - released)));
  }
}

/** How long a hand takes from one place to the next, and until nothing swings any more, ms. */
const MOVE_MS = 700;
const REST_MS = 300;

/** For `--dry-run`. */
export function leaderEmulation(
  { entry }: Context,
  emulator: EmulatorHandle,
  hands: LeaderHands,
): Emulation<LeaderEntry> {
  return {
    entry: { ...entry, options: { ...entry.options, port: emulator.port } },
    words: `the leader ${entry.name} is emulated on ${emulator.port}`,
    hand: async (part, to) => {
      const move = hands.move(part, to, MOVE_MS / 1000);
      if (move === undefined)
        throw new ArmloopError('EMULATOR_IMPOSSIBLE', { reason: `the leader has no ${part}` });
      await emulator.device({ what: 'hand', moves: [move] });
      await new Promise((resolve) => setTimeout(resolve, MOVE_MS + REST_MS));
    },
    [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose](),
  };
}
