/**
 * Forward kinematics and Jacobians of a tree, in plain loops: the readable form that generated code is checked
 * against. Body by body from the base, as MuJoCo's mj_kinematics does it: X = X_parent · X_fixed, then each joint in
 * order turns about its anchor or slides along its axis by (value - ref).
 */
import { ArmloopError } from '../errors.ts';
import { quatMul, quatRotate } from '../math/quat.ts';
import { POSE, poseMul } from '../math/se3.ts';
import type { AxisSpec } from '../robot/spec.ts';
import type { KinematicModel } from './kinematics.ts';
import type { KinematicTree, TreeJoint } from './tree.ts';

const REVOLUTE = 1;

export class TreeKinematics implements KinematicModel {
  readonly axes: number;
  readonly bodies: readonly { readonly name: string; readonly parent: number }[];
  readonly tool: number;

  readonly #file: string;
  readonly #frames = new Map<string, number>();
  /** Per body: pose in the parent, and its joints [first, end). */
  readonly #fixed: Float64Array;
  readonly #parent: Int32Array;
  readonly #firstJoint: Int32Array;
  /** Per joint: kind, axis in the body, anchor in the body, ref, and value = scale × q[axis] + offset. */
  readonly #kind: Uint8Array;
  readonly #axis: Float64Array;
  readonly #anchor: Float64Array;
  readonly #ref: Float64Array;
  readonly #driver: Int32Array;
  readonly #scale: Float64Array;
  readonly #offset: Float64Array;
  /** Per frame (bodies, then sites): its body, its pose there, and the bodies from the base to it. */
  readonly #body: Int32Array;
  readonly #local: Float64Array;
  readonly #chains: readonly Int32Array[];
  /** Scratch: pose per body, axis and anchor per joint in the base. */
  readonly #pose: Float64Array;
  readonly #axisBase: Float64Array;
  readonly #anchorBase: Float64Array;
  readonly #turn = new Float64Array(4);
  readonly #arm = new Float64Array(3);
  readonly #frame = new Float64Array(POSE);

  constructor(tree: KinematicTree, axes: readonly Pick<AxisSpec, 'name' | 'joints'>[], tool: string) {
    const bodies = tree.bodies;
    const joints = bodies.flatMap((b) => b.joints);
    this.axes = axes.length;
    this.#file = tree.file;
    this.bodies = bodies.map((b) => ({ name: b.name, parent: b.parent }));
    this.#fixed = new Float64Array(bodies.flatMap((b) => [...b.position, ...b.orientation]));
    this.#parent = Int32Array.from(bodies, (b) => b.parent);
    this.#firstJoint = new Int32Array(bodies.length + 1);
    bodies.forEach((b, i) => {
      this.#firstJoint[i + 1] = this.#firstJoint[i]! + b.joints.length;
    });
    this.#kind = Uint8Array.from(joints, (j) => (j.type === 'revolute' ? REVOLUTE : 0));
    this.#axis = new Float64Array(joints.flatMap((j) => [...j.axis]));
    this.#anchor = new Float64Array(joints.flatMap((j) => [...j.position]));
    this.#ref = Float64Array.from(joints, (j) => j.ref);
    this.#driver = new Int32Array(joints.length).fill(-1);
    this.#scale = new Float64Array(joints.length);
    this.#offset = Float64Array.from(joints, (j) => j.ref);
    this.#mapAxes(axes, joints);

    bodies.forEach((b, i) => {
      this.#frames.set(b.name, i);
    });
    tree.sites.forEach((s, i) => {
      if (!this.#frames.has(s.name)) this.#frames.set(s.name, bodies.length + i);
    });
    this.#body = Int32Array.from([...bodies.keys(), ...tree.sites.map((s) => s.body)]);
    this.#local = new Float64Array([
      ...bodies.flatMap(() => [0, 0, 0, 0, 0, 0, 1]),
      ...tree.sites.flatMap((s) => [...s.position, ...s.orientation]),
    ]);
    this.#chains = Array.from(this.#body, (body) => {
      const chain: number[] = [];
      for (let b = body; b >= 0; b = this.#parent[b]!) chain.unshift(b);
      return Int32Array.from(chain);
    });
    this.#pose = new Float64Array(bodies.length * POSE);
    this.#axisBase = new Float64Array(joints.length * 3);
    this.#anchorBase = new Float64Array(joints.length * 3);
    this.tool = this.frame(tool);
  }

  /** Which axis drives each joint. Joints that nothing drives stay at their reference value. */
  #mapAxes(axes: readonly Pick<AxisSpec, 'name' | 'joints'>[], joints: readonly TreeJoint[]): void {
    const index = new Map(joints.map((j, i) => [j.name, i]));
    axes.forEach((axis, a) => {
      for (const { name, ratio } of axis.joints) {
        const i = index.get(name);
        if (i === undefined) {
          const known = joints.map((j) => j.name).join(', ');
          throw new ArmloopError('MODEL_UNKNOWN_JOINT', {
            axis: axis.name,
            joint: name,
            file: this.#file,
            known,
          });
        }
        this.#driver[i] = a;
        this.#scale[i] = ratio;
        this.#offset[i] = 0;
      }
    });
    // Mimics of mimics resolve in as many rounds as they are deep.
    for (let round = 0; round < joints.length; round++) {
      joints.forEach((j, i) => {
        if (j.mimic === null || axes.some((a) => a.joints.some((n) => n.name === j.name))) return;
        const m = index.get(j.mimic.joint)!;
        this.#driver[i] = this.#driver[m]!;
        this.#scale[i] = j.mimic.multiplier * this.#scale[m]!;
        this.#offset[i] = j.mimic.multiplier * this.#offset[m]! + j.mimic.offset;
      });
    }
  }

  frame(name: string): number {
    const index = this.#frames.get(name);
    if (index === undefined) {
      const known = [...this.#frames.keys()].join(', ');
      throw new ArmloopError('MODEL_UNKNOWN_FRAME', { frame: name, file: this.#file, known });
    }
    return index;
  }

  pose(q: Float64Array, frame: number, out: Float64Array, at = 0): void {
    const chain = this.#chains[frame]!;
    for (let i = 0; i < chain.length; i++) this.#place(q, chain[i]!);
    poseMul(out, at, this.#pose, this.#body[frame]! * POSE, this.#local, frame * POSE);
  }

  bodyPoses(q: Float64Array, out: Float64Array): void {
    const n = this.#parent.length;
    for (let b = 0; b < n; b++) this.#place(q, b);
    for (let i = 0; i < n * POSE; i++) out[i] = this.#pose[i]!;
  }

  jacobian(q: Float64Array, frame: number, out: Float64Array): void {
    const n = this.axes;
    for (let i = 0; i < 6 * n; i++) out[i] = 0;
    this.pose(q, frame, this.#frame);
    const px = this.#frame[0]!;
    const py = this.#frame[1]!;
    const pz = this.#frame[2]!;
    const chain = this.#chains[frame]!;
    for (let c = 0; c < chain.length; c++) {
      const end = this.#firstJoint[chain[c]! + 1]!;
      for (let j = this.#firstJoint[chain[c]!]!; j < end; j++) {
        const driver = this.#driver[j]!;
        if (driver < 0) continue;
        const scale = this.#scale[j]!;
        const ax = scale * this.#axisBase[3 * j]!;
        const ay = scale * this.#axisBase[3 * j + 1]!;
        const az = scale * this.#axisBase[3 * j + 2]!;
        if (this.#kind[j] === REVOLUTE) {
          const x = px - this.#anchorBase[3 * j]!;
          const y = py - this.#anchorBase[3 * j + 1]!;
          const z = pz - this.#anchorBase[3 * j + 2]!;
          out[driver]! += ay * z - az * y;
          out[n + driver]! += az * x - ax * z;
          out[2 * n + driver]! += ax * y - ay * x;
          out[3 * n + driver]! += ax;
          out[4 * n + driver]! += ay;
          out[5 * n + driver]! += az;
        } else {
          out[driver]! += ax;
          out[n + driver]! += ay;
          out[2 * n + driver]! += az;
        }
      }
    }
  }

  /** Pose of one body from its parent's, and axis and anchor of its joints in the base. */
  #place(q: Float64Array, b: number): void {
    const pose = this.#pose;
    const at = b * POSE;
    const parent = this.#parent[b]!;
    if (parent < 0) {
      for (let i = 0; i < POSE; i++) pose[at + i] = this.#fixed[at + i]!;
    } else {
      poseMul(pose, at, pose, parent * POSE, this.#fixed, at);
    }
    const end = this.#firstJoint[b + 1]!;
    for (let j = this.#firstJoint[b]!; j < end; j++) {
      const driver = this.#driver[j]!;
      const value = (driver < 0 ? 0 : this.#scale[j]! * q[driver]!) + this.#offset[j]! - this.#ref[j]!;
      const axis = this.#axisBase;
      const anchor = this.#anchorBase;
      quatRotate(axis, 3 * j, pose, at + 3, this.#axis, 3 * j);
      if (this.#kind[j] !== REVOLUTE) {
        for (let k = 0; k < 3; k++) pose[at + k]! += axis[3 * j + k]! * value;
        continue;
      }
      quatRotate(this.#arm, 0, pose, at + 3, this.#anchor, 3 * j);
      for (let k = 0; k < 3; k++) anchor[3 * j + k] = pose[at + k]! + this.#arm[k]!;
      // Written out: a number handed to a function that is not inlined costs an allocation.
      const sine = Math.sin(value / 2);
      for (let k = 0; k < 3; k++) this.#turn[k] = this.#axis[3 * j + k]! * sine;
      this.#turn[3] = Math.cos(value / 2);
      quatMul(pose, at + 3, pose, at + 3, this.#turn, 0);
      quatRotate(this.#arm, 0, pose, at + 3, this.#anchor, 3 * j);
      for (let k = 0; k < 3; k++) pose[at + k] = anchor[3 * j + k]! - this.#arm[k]!;
    }
  }
}
