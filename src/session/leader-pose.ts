/**
 * The mapping `pose`: the tool does what the hand of the leader does, from where both were when it took over (or the
 * clutch was let go): p = p0 + scale · (h − h0), R = (H H0ᵀ) R0, all in the base frame.
 */

import { quatConj, quatMul, quatNormalize } from '../math/quat.ts';
import { POSE } from '../math/se3.ts';
import type { KinematicModel } from '../model/kinematics.ts';
import { buildKinematics, loadKinematics, readTree } from '../model/load.ts';
import type { LeaderEntry, RobotSpec } from '../robot/spec.ts';
import type { LeaderMap } from './leader-map.ts';

export class LeaderPose {
  readonly #scale: number;
  readonly #model: KinematicModel;
  readonly #map: LeaderMap;
  readonly #q: Float64Array;
  /** Joints of the model, by joint of the leader. */
  readonly #places: readonly number[];
  readonly #hand = new Float64Array(POSE);
  readonly #hand0 = new Float64Array(POSE);
  readonly #tool0 = new Float64Array(POSE);
  readonly #turn = new Float64Array(4);

  /** Reads the model. Throws MODEL_*. */
  constructor(robot: RobotSpec, entry: LeaderEntry, map: LeaderMap) {
    this.#scale = entry.scale;
    this.#map = map;
    if (entry.model === null) {
      this.#model = loadKinematics(robot);
      this.#places = map.axes;
      this.#q = Float64Array.from(robot.axes, (a) => a.home);
    } else {
      const { file, tool } = entry.model;
      const axes = entry.joints.map(({ axis }) => ({ name: axis, joints: [{ name: axis, ratio: 1 }] }));
      this.#model = buildKinematics(readTree(file), axes, tool);
      this.#places = entry.joints.map((_, i) => i);
      this.#q = new Float64Array(axes.length);
    }
  }

  /** From here on `tool` (pose in the base) belongs to where the hand is now. After `map.take`. */
  anchor(tool: Float64Array): void {
    this.#locate();
    this.#hand0.set(this.#hand);
    this.#tool0.set(tool.subarray(0, POSE));
  }

  /** Writes the tool pose that is asked for. After `map.take`. Allocates nothing. */
  write(out: Float64Array, at: number): void {
    this.#locate();
    for (let i = 0; i < 3; i++)
      out[at + i] = this.#tool0[i]! + this.#scale * (this.#hand[i]! - this.#hand0[i]!);
    quatConj(this.#turn, 0, this.#hand0, 3);
    quatMul(this.#turn, 0, this.#hand, 3, this.#turn, 0);
    quatMul(out, at + 3, this.#turn, 0, this.#tool0, 3);
    quatNormalize(out, at + 3);
  }

  #locate(): void {
    for (let i = 0; i < this.#places.length; i++) this.#q[this.#places[i]!] = this.#map.asked[i]!;
    this.#model.pose(this.#q, this.#model.tool, this.#hand);
  }
}
