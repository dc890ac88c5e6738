/** A rig that a session is told of on paper: what it asks for is written down, and answered as a test says. */
import { join } from 'node:path';
import { RobotCalibration } from '../../src/calibrate/robot.ts';
import { loadRobot } from '../../src/config.ts';
import { ArmloopError } from '../../src/errors.ts';
import { type MpcChoice, resolveChoice } from '../../src/plan/mpc/choice.ts';
import type { Push } from '../../src/robot/device.ts';
import type { InputSpec } from '../../src/robot/input.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { Mode, RequestKind } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import type {
  LeaderHost,
  LoadedPlanner,
  LoadedPolicy,
  LoopRequest,
  SceneControl,
  SessionHost,
  TickView,
} from '../../src/session/host.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A rig on paper: what the session does to it is written down, and how the loop answers is up to the test. */
export class PaperRig implements SessionHost {
  readonly spec: RobotSpec;
  readonly done: string[] = [];
  readonly asked: LoopRequest[] = [];
  readonly logged: string[] = [];
  readonly told: [client: number, type: string][] = [];
  time = 100;
  answer: 'takes' | 'refuses' | 'silent' | 'dead' = 'takes';
  readonly view: Mutable<TickView> = {
    time: 0,
    tick: 0,
    mode: Mode.holding,
    controller: 0,
    fault: 0,
    reasons: 0,
    done: 0,
    epoch: 1,
    seed: 5,
  };
  scene: SceneControl | null = {
    reset: async (seed: number) => {
      this.done.push(`reset ${seed}`);
      this.view.epoch++;
      this.view.seed = seed;
    },
    restore: async (device: string) => {
      this.done.push(`restore ${device}`);
      this.view.epoch++;
    },
    push: async ({ body, force, seconds }: Push) => {
      if (body === 'table') {
        throw new ArmloopError('REQUEST_INVALID', { path: 'body', value: body, rule: 'it is fixed' });
      }
      this.done.push(`push ${body} ${force} N ${seconds} s`);
    },
  };
  readonly recorder = {
    start: async ({ task, operator }: { task: string; operator: string }) => {
      this.done.push(`record ${task} by ${operator}`);
      return `e${this.done.length}`;
    },
    stop: async () => void this.done.push('stop recording'),
    close: async (label: string, cause: string) => void this.done.push(`label ${label} ${cause}`),
    discard: async () => void this.done.push('discard'),
    log: (_time: number, _level: string, text: string) => void this.logged.push(text),
  };
  readonly policies = {
    loaded: null as LoadedPolicy | null,
    problem: '',
    list: () => [],
    load: async (name: string) => {
      this.done.push(`load ${name}`);
      if (name === 'bad') throw new ArmloopError('POLICY_UNKNOWN', { policy: name, known: 'none' });
      this.policies.loaded = { name, sha256: 'abc', task: '', limitS: 1.5 };
      return this.policies.loaded;
    },
    unload: async () => {
      this.done.push('unload');
      this.policies.loaded = null;
    },
  };
  readonly planner = {
    loaded: null as LoadedPlanner | null,
    problem: '',
    phase: '',
    load: async (choice: MpcChoice) => {
      this.done.push(`plan ${choice.task}`);
      this.planner.loaded = resolveChoice(choice, this.spec);
      return this.planner.loaded;
    },
    set: async (change: object) => void this.done.push(`set ${Object.keys(change)}`),
    unload: async () => {
      this.done.push('unload planner');
      this.planner.loaded = null;
    },
  };
  leader: LeaderHost | null = null;
  input: InputSpec | null = null;
  readonly measured: Float64Array;
  readonly tool = Float64Array.of(0, 0, 0, 0, 0, 0, 1);
  arm = () => ({ q: this.measured, tool: this.tool });
  now = () => this.time;
  status = () => ({
    task: { name: 'reach', text: 'Reach it.', seed: 5, tasks: ['reach'], planning: [] },
    devices: [],
    cameras: [],
    realTime: { fifo: false, reason: '' },
  });
  ask(request: LoopRequest): number {
    if (this.answer === 'dead') throw new ArmloopError('RIG_THREAD_DIED', { thread: 'loop', reason: 'test' });
    this.asked.push(request);
    const name = Object.entries(RequestKind).find(([, kind]) => kind === request.kind)![0];
    this.done.push(`ask ${name}`);
    if (this.answer === 'takes') {
      if (request.kind === RequestKind.activate) {
        this.view.mode = Mode.active;
        this.view.controller = request.controller ?? 0;
      }
      if (request.kind === RequestKind.hold) this.view.mode = Mode.holding;
      if (request.kind === RequestKind.estop) this.view.mode = Mode.stopped;
    }
    return this.asked.length;
  }
  async answered(): Promise<boolean> {
    if (this.answer === 'silent') throw new ArmloopError('REQUEST_TIMEOUT', { request: 'it', seconds: 1 });
    return this.answer === 'takes';
  }
  async until(what: string, condition: (view: TickView) => boolean): Promise<void> {
    if (what === 'the end of the replay') return new Promise(() => {});
    if (!condition(this.view)) throw new ArmloopError('REQUEST_TIMEOUT', { request: what, seconds: 1 });
  }
  readonly inputs: Float64Array[] = [];
  operate = (block: Float64Array) => void this.inputs.push(Float64Array.from(block));
  readonly calibration: SessionHost['calibration'];
  enableDevices = async (): Promise<void> => void this.done.push('enable');
  disableDevices = async () => void this.done.push('disable');
  haltDevices = async (): Promise<void> => void this.done.push('halt');
  openReplay = async (episode: string) => ({
    scene: [{ device: 'sim', state: new Float64Array(3) }],
    duration: 2,
    feed: () => {
      this.done.push(`feed ${episode}`);
      return 0.25;
    },
    stop: () => void this.done.push('stop feeding'),
  });
  notify = ({ client }: { client: number }, { type }: { type: string }) =>
    void this.told.push([client, type]);
  changed = () => {};

  constructor(spec: RobotSpec = loadRobot(join(packageRoot(), 'robots', 'panda-sim.yaml'))) {
    this.spec = spec;
    const measured = { robot: spec, kinds: [], workspace: 'none', hardware: 'real', now: () => 0 } as const;
    this.calibration = {
      calibration: new RobotCalibration(measured),
      raw: () => null,
      hand: () => null,
      leaderHand: () => null,
      realigned: () => {},
      away: () => '',
      lend: async (device) => {
        throw new ArmloopError('CALIBRATION_NONE', { what: device, reason: 'a rig on paper has no port' });
      },
      takeBack: async () => '',
      renew: async () => [],
    };
    this.measured = Float64Array.from(spec.axes, (a) => a.home);
  }
}
