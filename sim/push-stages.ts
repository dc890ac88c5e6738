/**
 * How a puck is pushed onto its mark, stage by stage from what is seen: over a place behind the puck, down beside it, push along
 * the line from puck to mark, straight back and up again when the puck is there or has got out of the fork.
 *
 * The fork are the two fingertips: the puck lies between them and cannot slip off to a side, as it does before one narrow tip.
 */

/** Opening of the gripper, m. */
export const FORK = 0.04;
/** From the tool back to the puck's centre when both fingers touch it, m. */
const TOUCH = 0.033;
export const Stage = { over: 0, down: 1, push: 2, back: 3, up: 4 } as const;
export type Stage = (typeof Stage)[keyof typeof Stage];
/** The place behind the puck, back from its centre, and heights of the tool, m. */
const BACK = 0.09;
const HIGH = 0.13;
const LOW = 0.02;
/** So far it goes straight back off the puck, m. */
const RETREAT = 0.05;
/** A place is reached within this, m. */
const THERE = 0.015;
/** It is turned along the line within this, rad: askew one finger would push alone. */
const TURNED = 0.08;
/** While it pushes the tool aims this much further, into the puck. */
const REACH = 0.002;
/** The puck is there within this of its mark; it is gone for again from `AWAY` on. */
const ARRIVED = 0.007;
const AWAY = 0.015;
/** Nearer than this to its mark the line through the puck turns too fast to follow: the last one stays. */
const NEAR = 0.02;
/** The puck is out of the fork when it is beside the tool by this. */
const SLIPPED = 0.018;
/**
 * So far ahead of the tool lies what it goes for, m: a plan has one iteration, and keeps up with goals that come nearer, not
 * with goals that jump. To a jump its first step swings the tool centimetres off the straight way, beside the puck or into it.
 */
const LEAD = { free: 0.06, push: 0.03 } as const;

const length3 = (v: Float64Array): number => Math.hypot(v[0]!, v[1]!, v[2]!);

export class PushStages {
  stage: Stage = Stage.over;
  /** From puck to mark, of length 1. */
  readonly line = new Float64Array(2).fill(Number.NaN);
  /** Where the tool is to go, in the base; while it pushes only the height counts. */
  readonly aim = new Float64Array(3);
  /** While it pushes: so far behind the puck. */
  back = 0;
  /** Near the table height counts more. */
  low = false;
  /** Where it goes back to. */
  readonly #left = new Float64Array(2);
  readonly #turn = new Float64Array(3);

  /** Takes in where tool (p, quaternion x y z w), puck and mark (x, y) are. */
  see(tool: Float64Array, puck: Float64Array, mark: Float64Array): void {
    const [px, py] = [puck[0]!, puck[1]!];
    const [ex, ey] = [mark[0]! - px, mark[1]! - py];
    const { line } = this;
    const far = Math.hypot(ex, ey);
    if (Number.isNaN(line[0]!) || (this.stage <= Stage.push && far > NEAR)) {
      line[0] = far > 0 ? ex / far : 1;
      line[1] = far > 0 ? ey / far : 0;
    }
    const dx = tool[0]! - px;
    const dy = tool[1]! - py;
    const along = dx * line[0]! + dy * line[1]!;
    const aside = dy * line[0]! - dx * line[1]!;
    const before = this.stage;
    this.stage = this.#next(tool, along, aside, far);
    if (this.stage === Stage.back && before !== Stage.back) {
      for (let i = 0; i < 2; i++) this.#left[i] = tool[i]! - RETREAT * line[i]!;
    }
    this.back = Math.max(TOUCH - REACH, -along - LEAD.push);
    this.#lead(tool, px, py);
  }

  #next(tool: Float64Array, along: number, aside: number, far: number): Stage {
    const off = Math.hypot(along + BACK, aside);
    switch (this.stage) {
      case Stage.over:
        return off < THERE && Math.abs(tool[2]! - HIGH) < THERE ? Stage.down : Stage.over;
      case Stage.down:
        if (off > 2 * THERE) return Stage.back;
        this.lean(tool, this.#turn, 0);
        return tool[2]! < LOW + THERE / 2 && length3(this.#turn) < TURNED ? Stage.push : Stage.down;
      case Stage.push:
        return far < ARRIVED || Math.abs(aside) > SLIPPED || along > -TOUCH / 2 ? Stage.back : Stage.push;
      case Stage.back:
        return Math.hypot(tool[0]! - this.#left[0]!, tool[1]! - this.#left[1]!) < THERE
          ? Stage.up
          : Stage.back;
      case Stage.up:
        return tool[2]! > HIGH - THERE && far > AWAY ? Stage.over : Stage.up;
    }
  }

  /** `aim` on the straight way to where this stage leads. */
  #lead(tool: Float64Array, px: number, py: number): void {
    const { aim, stage, line } = this;
    const leaves = stage === Stage.back || stage === Stage.up;
    aim[0] = leaves ? this.#left[0]! : px - BACK * line[0]!;
    aim[1] = leaves ? this.#left[1]! : py - BACK * line[1]!;
    this.low = stage !== Stage.over && stage !== Stage.up;
    aim[2] = this.low ? LOW : HIGH;
    if (stage === Stage.push) return;
    const way = Math.hypot(aim[0]! - tool[0]!, aim[1]! - tool[1]!, aim[2]! - tool[2]!);
    if (way <= LEAD.free) return;
    this.low = false;
    for (let i = 0; i < 3; i++) aim[i] = tool[i]! + (LEAD.free / way) * (aim[i]! - tool[i]!);
  }

  /**
   * out[at …] = the rotation vector (for small turns; 2 sin of half the angle) of a tool (p, quaternion x y z w) against one
   * that points down with its x axis along the line or against it: a fork has two fronts.
   */
  lean(tool: Float64Array, out: Float64Array, at: number): void {
    // Times the inverse of (1, 0, 0, 0), the half turn about x that points down: what is left is a turn about the vertical.
    const x = -tool[6]!;
    const y = -tool[5]!;
    const z = tool[4]!;
    const w = tool[3]!;
    const half = Math.atan(this.line[1]! / this.line[0]!) / 2;
    const c = Math.cos(half);
    const s = Math.sin(half);
    const sign = c * w + s * z < 0 ? -2 : 2;
    out[at] = sign * (c * x + s * y);
    out[at + 1] = sign * (c * y - s * x);
    out[at + 2] = sign * (c * z - s * w);
  }
}
