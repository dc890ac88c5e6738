/**
 * A policy at the controls: watches the ticks, says when an observation is due, has the model answer it, and turns the
 * answer into rows for the loop. Without clock and thread: the policy thread of a rig and the lockstep cell both drive
 * one, so that what was evaluated is what is deployed.
 *
 *   pilot.tick(record);                                     // every tick
 *   pilot.frame(camera, captureTime, jpeg);                 // every frame
 *   if (pilot.due <= now) answer = await pilot.compute();   // may take its time
 *   pilot.deliver(answer, now, chunks);                     // rows take effect from `now` on
 */
import { IkSolver } from '../control/ik.ts';
import { ArmloopError } from '../errors.ts';
import { POSE } from '../math/se3.ts';
import type { KinematicModel } from '../model/kinematics.ts';
import type { RingWriter } from '../robot/port.ts';
import { ControllerId, Mode, Reason, tickLayout } from '../robot/tick.ts';
import { ActionSpace } from './action-space.ts';
import { ChunkPlanner } from './chunks.ts';
import type { PolicyManifest } from './manifest.ts';
import type { PolicyRunner } from './runner.ts';

/** What `compute` found out, to be handed to `deliver`. */
export interface Answer {
  /** in.time of the activation that it is for. */
  readonly start: number;
  /** Observation time, s since the activation. */
  readonly observed: number;
  /** Capture time of its newest input, rig clock, s. */
  readonly captured: number;
  /** Why there are no actions, '' when there are. */
  readonly problem: string;
}

/** How it goes, for people. */
export interface PilotStatus {
  /** Chunks handed to the loop since the activation. */
  readonly chunks: number;
  /** Observations and chunks that were refused since the activation, and why the newest was. */
  readonly refused: number;
  readonly problem: string;
  /** Times that the rows ran out since the activation. */
  readonly underruns: number;
  /** Time of the newest call of the model, ms. */
  readonly inferenceMs: number;
  /** Observation time of the newest chunk, rig clock, s; NaN before the first. */
  readonly observedAt: number;
}

/** Accuracy of the inverse kinematics of tool actions: far below what a policy or an arm can tell. */
const IK = { linear: 1e-5, angular: 1e-4, restarts: 0 } as const;
const SLACK = 5e-10;

/** How long the controller waits for rows before it gives up, s: the argument of its activation. */
export function underrunLimit(m: PolicyManifest): number {
  return Math.min(30, Math.max(1, 0.5 + (3 * m.latencyMs) / 1000));
}

export class PolicyPilot {
  readonly runner: PolicyRunner;
  readonly #m: PolicyManifest;
  readonly #planner: ChunkPlanner;
  readonly #space: ActionSpace;
  readonly #ik: IkSolver;
  readonly #n: number;
  readonly #axes;
  readonly #gripper: number;
  readonly #at: ReturnType<typeof offsets>;
  readonly #observed: Float64Array;
  readonly #knots: Float64Array;
  readonly #target: Float64Array;
  readonly #pose: Float64Array;
  readonly #seed: Float64Array;
  readonly #solution: Float64Array;
  readonly #state: Float64Array;
  /** in.time of the activation; NaN while somebody else drives. */
  #start = Number.NaN;
  #epoch = Number.NaN;
  #now = Number.NaN;
  #busy = false;
  /** Next observation: s since the activation. On the raster of steps, but for synchronous execution. */
  #next = 0;
  #under = false;
  #status = fresh();

  constructor(runner: PolicyRunner, model: KinematicModel) {
    const { manifest, spec } = runner;
    const tick = tickLayout(spec);
    const n = spec.axes.length;
    this.runner = runner;
    this.#m = manifest;
    this.#n = n;
    this.#axes = spec.axes;
    this.#gripper = spec.gripperAxis;
    this.#planner = new ChunkPlanner(spec, manifest);
    this.#space = new ActionSpace(spec, tick.layout, manifest.action);
    this.#ik = new IkSolver(spec, model);
    this.#at = offsets(tick.layout);
    this.#observed = new Float64Array(tick.layout.size);
    this.#knots = new Float64Array(manifest.chunk.horizon * n);
    this.#target = new Float64Array(Math.max(n, this.#space.commandSize));
    this.#pose = this.#target.subarray(0, POSE);
    this.#seed = new Float64Array(n);
    this.#solution = new Float64Array(n);
    this.#state = new Float64Array(3 * n);
  }

  get status(): PilotStatus {
    return { ...this.#status, inferenceMs: this.runner.inferenceMs };
  }

  /** True while the policy is in the slot. */
  get driving(): boolean {
    return !Number.isNaN(this.#start);
  }

  /** When `compute` is to be called, rig clock, s; NaN while nothing is to be done. */
  get due(): number {
    return this.#busy ? Number.NaN : this.#start + this.#next + this.runner.observer.lag;
  }

  /** Every tick or tick record, in order. */
  tick(record: Float64Array): void {
    const at = this.#at;
    const time = record[at.time]!;
    const epoch = record[at.epoch]!;
    if (epoch !== this.#epoch) {
      if (!Number.isNaN(this.#epoch)) this.runner.observer.newScene(time);
      this.#epoch = epoch;
    }
    this.runner.observer.tick(record);
    this.#now = time;
    const drives = record[at.mode] === Mode.active && record[at.controller] === ControllerId.policy;
    if (!drives) {
      this.#start = Number.NaN;
      return;
    }
    if (record[at.start] !== this.#start) this.#begin(record[at.start]!);
    const under = (record[at.reasonAll]! & Reason.underrun) !== 0;
    if (under && !this.#under) this.#status.underruns++;
    this.#under = under;
  }

  frame(camera: string, time: number, jpeg: Uint8Array): void {
    this.runner.observer.frame(camera, time, jpeg);
  }

  /**
   * Observes and asks the model. One at a time; every answer is to be delivered. What goes wrong with the policy is an
   * answer with a problem, since the arm can wait; anything else rejects.
   */
  async compute(): Promise<Answer> {
    const start = this.#start;
    this.#busy = true;
    // A thread that comes late observes now, not what it has missed.
    if (this.#m.chunk.execution !== 'synchronous') {
      const behind = (this.#now - this.runner.observer.lag - start - this.#next) * this.#m.rateHz;
      if (behind >= 1) this.#next += Math.floor(behind + 1e-9) / this.#m.rateHz;
    }
    const observed = this.#next;
    // Kept now: by the time of the answer the history may have gone on.
    const tick = this.runner.observer.tickAt(start + observed);
    if (tick !== null) this.#observed.set(tick);
    let problem = '';
    try {
      problem = await this.runner.infer(start + observed, start);
    } catch (error) {
      if (!(error instanceof ArmloopError)) throw error;
      problem = error.message;
    }
    return { start, observed, captured: this.runner.observer.captured, problem };
  }

  /**
   * Hands the chunk of that answer to the loop: its rows take over at `now` (rig clock, s), the time of the first tick
   * that can see them.
   */
  deliver(answer: Answer, now: number, chunks: RingWriter): void {
    this.#busy = false;
    const { start, observed } = answer;
    // Another activation by now, or none: the answer is to a question that nobody asks any more.
    if (start !== this.#start) return;
    const step = 1 / this.#m.rateHz;
    const from = now - start;
    let problem = answer.problem === '' ? this.#decode(observed, from) : answer.problem;
    if (problem === '' && !this.#planner.plan(observed, this.#knots, from)) {
      problem = `it came ${Math.round(1000 * (from - observed))} ms after its observation, when all its steps were past`;
    }
    if (problem === '' && !this.#planner.write(chunks, start, answer.captured))
      problem = 'the loop takes no rows';
    if (problem !== '') {
      this.#status.refused++;
      this.#status.problem = problem;
      // The raster goes on: the arm is still following, or waiting.
      this.#next += step;
      return;
    }
    this.#status.chunks++;
    this.#status.observedAt = start + observed;
    if (this.#m.chunk.execution === 'synchronous') this.#next = this.#planner.restsAt;
    else this.#next = observed + this.#m.chunk.every * step;
  }

  #begin(start: number): void {
    this.#start = start;
    this.#next = 0;
    this.#under = false;
    this.#status = fresh();
    this.#planner.begin();
    this.runner.begin();
  }

  /** The actions as joint positions of every step; '' or why not. */
  #decode(observed: number, from: number): string {
    const { horizon, first } = this.#m.chunk;
    const { actions } = this.runner;
    const n = this.#n;
    this.#seedAt(from);
    for (let k = 0; k < horizon; k++) {
      if (!this.#space.decode(actions, k * this.#space.size, this.#observed, this.#target)) {
        return `step ${k} of the chunk tells no pose`;
      }
      if (this.#space.space === 'tool') {
        // A step that is past by the time the chunk takes over shapes at most the way into the next one.
        const past = observed + (k + first + 1) / this.#m.rateHz < from - SLACK;
        const problem = this.#reach(k);
        if (problem !== '' && !past) return problem;
      } else this.#solution.set(this.#target.subarray(0, n));
      for (let a = 0; a < n; a++) {
        const { min, max } = this.#axes[a]!;
        this.#knots[k * n + a] = Math.max(min, Math.min(max, this.#solution[a]!));
      }
    }
    return '';
  }

  /** Joint positions for the tool pose of step k, near those of the step before. */
  #reach(k: number): string {
    const result = this.#ik.solve(this.#pose, this.#seed, this.#solution, IK);
    if (!result.solved) {
      const [x, y, z] = Array.from(this.#pose, (p) => p.toFixed(3));
      const off = `${(1000 * result.linear).toFixed(0)} mm, ${result.angular.toFixed(2)} rad`;
      return `step ${k} of the chunk puts the tool at ${x}, ${y}, ${z} m, out of reach by ${off}`;
    }
    this.#seed.set(this.#solution);
    if (this.#gripper >= 0) this.#solution[this.#gripper] = this.#target[POSE]!;
    return '';
  }

  /** Where the inverse kinematics begins: on the trajectory in effect, or where the command stands. */
  #seedAt(from: number): void {
    const planned = this.#planner.pieces.evaluate(from, this.#state);
    const newest = this.runner.observer.newest;
    for (let a = 0; a < this.#n; a++) {
      this.#seed[a] = planned || newest === null ? this.#state[3 * a]! : newest[this.#at.q + a]!;
    }
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const fresh = (): Mutable<Omit<PilotStatus, 'inferenceMs'>> => ({
  chunks: 0,
  refused: 0,
  problem: '',
  underruns: 0,
  observedAt: Number.NaN,
});

function offsets(layout: ReturnType<typeof tickLayout>['layout']) {
  return {
    time: layout.at('in.time'),
    epoch: layout.at('in.task.epoch'),
    start: layout.at('in.row.start'),
    mode: layout.at('out.mode'),
    controller: layout.at('out.controller'),
    reasonAll: layout.at('out.reasonAll'),
    q: layout.at('out.q'),
  };
}
