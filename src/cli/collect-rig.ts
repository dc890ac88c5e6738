/**
 * Collection in real time on a running rig, through its server as any other client: one attempt after the other, each
 * with a new scene, recorded and labelled by the rig. The collector is the operator: when it dies, the arm holds.
 */
import { basename } from 'node:path';
import { planDemonstration } from '../control/teacher.ts';
import { trajectoryArgs } from '../control/trajectory.ts';
import { ArmloopError } from '../errors.ts';
import { Rng } from '../math/rng.ts';
import { loadKinematics } from '../model/load.ts';
import { taskForScene } from '../plan/mpc/tasks.ts';
import { reasonNames } from '../record/episode-writer.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { Task } from '../robot/task.ts';
import { ControllerId, Mode } from '../robot/tick.ts';
import type { PolicyDetails } from '../server/learning-protocol.ts';
import type { EpisodeSummary } from '../server/protocol.ts';
import { stopKind } from '../session/cell-referee.ts';
import { type AttemptResult, type Crew, unplanned } from '../session/collect.ts';
import type { Attempt, CollectionPlan, DriverChoice } from '../session/collection.ts';
import { TEACHER_STREAM } from '../session/teacher.ts';
import { type RigAddress, RigVisit, type RigWatch } from './rig-client.ts';

/** s */
const ANSWER_S = 15;
const AFTER_S = 0.3;
const GRACE_S = 0.7;

type PolicyChoice = Extract<DriverChoice, { kind: 'policy' }>;

/** Rigs know policies by the names of their folders. */
const nameOnRig = ({ bundle }: PolicyChoice): string => basename(bundle);

/** What came of the driving, before the recording is closed. */
interface Driven {
  readonly success: boolean;
  readonly reason: AttemptResult['reason'];
  readonly fault: readonly string[];
  readonly timeToSuccess: number | null;
  readonly seconds: number;
  readonly jointTravel: number;
  readonly gripperCycles: number;
}

export class RigCrew implements Crew<Attempt, AttemptResult>, AsyncDisposable {
  readonly size = 1;
  readonly spec: RobotSpec;
  readonly #rig: RigVisit;
  readonly #watch: RigWatch;
  /** Set by `begin`. */
  #plan: CollectionPlan | null = null;
  #task: Task | null = null;

  private constructor(rig: RigVisit) {
    this.#rig = rig;
    this.#watch = rig.watch;
    this.spec = { ...rig.robot, source: { file: '', text: '', sha256: '' } };
  }

  /** Takes the lease of a simulated rig. Rejects with SERVER_UNREACHABLE, NOT_SIMULATED. */
  static async open(address: RigAddress): Promise<RigCrew> {
    const rig = await RigVisit.open(address);
    try {
      const { scene, session } = rig.watch.hello;
      if (scene === null || session.task === null) {
        throw new ArmloopError('NOT_SIMULATED', { request: 'collecting by itself' });
      }
      await rig.take('armloop collect');
      return new RigCrew(rig);
    } catch (error) {
      rig[Symbol.dispose]();
      throw error;
    }
  }

  /** Name and text of the task that the rig runs. */
  get task(): { readonly name: string; readonly text: string } {
    return this.#watch.hello.session.task!;
  }

  /** That the rig has that very policy. `collection`: which one goes on; null for a new one. Rejects with POLICY_UNKNOWN, COLLECTION_CHANGED. */
  async checkPolicy(driver: PolicyChoice, collection: string | null): Promise<void> {
    const name = nameOnRig(driver);
    const { sha256 } = await this.#rig.get<PolicyDetails>(`/api/policies/${encodeURIComponent(name)}`);
    if (sha256 === driver.sha256) return;
    if (collection === null)
      throw new ArmloopError('POLICY_TAKEN', { policy: name, folder: 'the workspace of the rig' });
    throw new ArmloopError('COLLECTION_CHANGED', { id: collection, what: `the policy ${name}` });
  }

  begin(plan: CollectionPlan, task: Task): void {
    this.#plan = plan;
    this.#task = task;
  }

  async run(
    jobs: AsyncIterable<Attempt>,
    done: (result: AttemptResult, job: Attempt) => void | Promise<void>,
  ): Promise<void> {
    await this.#tidy();
    for await (const attempt of jobs) await done(await this.#attempt(attempt), attempt);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#rig[Symbol.dispose]();
  }

  /** A recording that a collector which died has left open is thrown away: its attempt is made again. */
  async #tidy(): Promise<void> {
    const { state } = this.#watch.hello.session.recording;
    if (state === 'recording') await this.#rig.ask('/api/recording/stop');
    if (state !== 'idle') await this.#rig.ask('/api/recording/discard');
  }

  async #attempt({ seed }: Attempt): Promise<AttemptResult> {
    const plan = this.#plan!;
    const watch = this.#watch;
    await this.#rig.ask('/api/scene/reset', { seed });
    await watch.until((v) => v('mode') === Mode.holding && v('seed') === seed, ANSWER_S);
    const drive = this.#driver(seed);
    if (typeof drive === 'string') return unplanned(drive);
    const { episode } = await this.#rig.ask<{ episode: string }>('/api/recording/start', {
      task: plan.taskText,
      operator:
        plan.driver.kind === 'policy'
          ? plan.driver.name
          : plan.driver.planner === 'mpc'
            ? 'planner'
            : 'teacher',
    });
    let driven: Driven;
    try {
      driven = await this.#drive(drive.begin);
    } catch (error) {
      // The session ends: no recording is left running. One that cannot be reached is tidied up by who goes on.
      await this.#tidy().catch(() => {});
      throw error;
    }
    await this.#rig.ask('/api/recording/stop');
    const kept = driven.success || plan.failures === 'keep';
    if (kept) {
      const label = driven.success ? 'success' : 'failure';
      await this.#rig.ask('/api/recording/label', { label, cause: driven.success ? '' : driven.reason });
    } else await this.#rig.ask('/api/recording/discard');
    const summary = await this.#rig.get<EpisodeSummary>(`/api/episodes/${episode}`);
    return {
      ...driven,
      ticks: summary.ticks,
      bytes: summary.bytes,
      guard: {},
      variation: { ...watch.hello.scene?.variation, ...drive.drawn },
      flags: summary.flags,
      kept,
      recorded: episode,
    };
  }

  /** How the attempt begins, from the scene as it is now; a text when there is no way. */
  #driver(seed: number): { begin: () => Promise<void>; drawn: Readonly<Record<string, number>> } | string {
    const { driver } = this.#plan!;
    if (driver.kind === 'policy') {
      const begin = async (): Promise<void> => {
        await this.#rig.ask('/api/policy/deploy', { policy: nameOnRig(driver), ...driver.request });
      };
      return { begin, drawn: {} };
    }
    if (driver.planner === 'mpc') {
      const begin = async (): Promise<void> => {
        await this.#rig.ask('/api/planner/start', { task: taskForScene(this.#task!) });
      };
      return { begin, drawn: {} };
    }
    const bodies = this.#watch.hello.scene!.bodies.map((b) => b.name);
    const poses = this.#watch.values('poses');
    const scene = {
      q: this.#watch.values('qCmd'),
      pose: (name: string) => {
        const body = bodies.indexOf(name);
        return body < 0 ? null : poses.subarray(7 * body, 7 * body + 7);
      },
    };
    const rng = new Rng(seed, TEACHER_STREAM);
    try {
      const model = loadKinematics(this.spec);
      const { waypoints, times, drawn } = planDemonstration(
        this.spec,
        model,
        this.#task!.phases!,
        scene,
        rng,
      );
      const args = trajectoryArgs(waypoints, { times, path: 'samples' });
      const begin = async (): Promise<void> => {
        await this.#rig.ask('/api/request', { kind: 'activate', controller: 'trajectory', args });
      };
      return { begin, drawn };
    } catch (error) {
      if (error instanceof ArmloopError && error.code === 'TEACHER_NO_PLAN') return error.message;
      throw error;
    }
  }

  /** Lets it drive until success, the time limit, or a stop; then holds. */
  async #drive(begin: () => Promise<void>): Promise<Driven> {
    const { timeLimit, holdTime } = this.#task!;
    const start = this.#watch.value('time');
    const wear = new Wear(this.spec, this.#watch.values('qCmd'));
    await begin();
    let drove = false;
    let idleSince = Number.NaN;
    let successAt = Number.NaN;
    let reason = 'time limit' as AttemptResult['reason'];
    await this.#watch.until((v) => {
      const now = v('time');
      wear.add(this.#watch.values('qCmd'));
      if (v('mode') === Mode.active) drove = true;
      if (v('success') === 1 && Number.isNaN(successAt)) successAt = now;
      if (now > successAt + AFTER_S) reason = 'success';
      else if (v('fault') !== 0) reason = stopKind(v('fault'));
      else if (now > start + timeLimit) reason = 'time limit';
      else {
        const idle = v('done') === 1 || (drove && v('mode') === Mode.holding);
        if (!idle) idleSince = Number.NaN;
        else if (Number.isNaN(idleSince)) idleSince = now;
        if (!(now > idleSince + holdTime + GRACE_S)) return false;
        reason = 'driver finished';
      }
      return true;
    }, timeLimit + ANSWER_S);
    const seconds = this.#watch.value('time') - start;
    const fault = reasonNames(this.#watch.value('fault'));
    await this.#rest();
    const success = reason === 'success';
    return {
      success,
      reason,
      fault,
      timeToSuccess: success ? successAt - start : null,
      seconds,
      ...wear.result,
    };
  }

  /** Back to holding, a latched stop cleared. Rejects when the rig does not come back: the session ends. */
  async #rest(): Promise<void> {
    const watch = this.#watch;
    if (watch.value('mode') === Mode.active) {
      if (watch.value('controller') === ControllerId.policy) await this.#rig.ask('/api/policy/stop');
      else if (watch.value('controller') === ControllerId.mpc) await this.#rig.ask('/api/planner/stop');
      else await this.#rig.ask('/api/request', { kind: 'hold' });
    }
    await watch.until((v) => v('mode') === Mode.holding || v('mode') === Mode.stopped, ANSWER_S);
    if (watch.value('mode') !== Mode.stopped) return;
    await this.#rig.ask('/api/request', { kind: 'clear' });
    await watch.until((v) => v('mode') === Mode.holding, ANSWER_S);
  }
}

/** Travel of the commands, from what the live stream shows of them. */
class Wear {
  readonly #spec: RobotSpec;
  #last: Float64Array;
  #travel = 0;
  #cycles = 0;

  constructor(spec: RobotSpec, q: Float64Array) {
    this.#spec = spec;
    this.#last = q;
  }

  add(q: Float64Array): void {
    const { axes, armAxes, gripperAxis } = this.#spec;
    q.forEach((value, a) => {
      const moved = Math.abs(value - this.#last[a]!);
      if (a < armAxes) this.#travel += moved;
      else if (a === gripperAxis) this.#cycles += moved / (2 * (axes[a]!.max - axes[a]!.min));
    });
    this.#last = q;
  }

  get result(): { readonly jointTravel: number; readonly gripperCycles: number } {
    return { jointTravel: this.#travel, gripperCycles: this.#cycles };
  }
}
