/**
 * Lockstep simulation: steps a second of the simulated device (command in, physics, state out) against native MuJoCo
 * driven from Python with the same scene and the same controls. The controls repeat every BLOCK steps, so all blocks
 * are the same work; of each run the fastest block counts, on both sides, for a block that another process has
 * interrupted says nothing about either.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLockstepDevice } from '../sim/index.ts';
import { loadRobot } from '../src/config.ts';
import type { LockstepDevice } from '../src/robot/device.ts';
import { CommandMode, commandLayout, deviceStateLayout, sentLayout } from '../src/robot/tick.ts';
import { packageRoot } from '../src/root.ts';
import { findPython } from '../test/support/python.ts';
import { type BenchContext, type BenchResult, combine, compare } from './harness.ts';

const SCENES = ['reach', 'pick-cube', 'pick-place-bin'] as const;
const BLOCK = 500;
const WARMUP = 8 * BLOCK;
const BLOCKS = 24;
const STEPS = WARMUP + BLOCKS * BLOCK;
/**
 * For every scene. The cluttered one exceeds it here (1.6 to 1.8): its steps are spent in dense constraint algebra,
 * which the native build vectorises and WebAssembly's engine does not.
 */
const LIMIT = 1.5;
/** Where there is no Python peer: steps a second that it made elsewhere. */
const FLOOR = {
  name: 'native MuJoCo 3.14 from Python on a 2-core AMD EPYC virtual machine',
  values: {
    'reach steps/s': 105_000,
    'pick-cube steps/s': 75_000,
    'pick-place-bin steps/s': 27_000,
  },
};

const name = (scene: string): string => `${scene} steps/s`;

/** Targets of the eight servos at step k: every joint sways, the fingers open and close. */
function targets(home: ArrayLike<number>, k: number, out: Float64Array): void {
  const phase = (2 * Math.PI * k) / BLOCK;
  for (let i = 0; i < 7; i++) out[i] = home[i]! + 0.05 * (Math.sin(phase + i) - Math.sin(i));
  out[7] = 0.06 + 0.02 * Math.cos(phase);
}

class Ours {
  readonly device: LockstepDevice;
  readonly #state;
  readonly #command;
  readonly #sent;
  readonly #q: Float64Array;
  readonly #home: readonly number[];
  readonly #tickAt: number;

  constructor(device: LockstepDevice) {
    const n = device.spec.axes.length;
    this.device = device;
    this.#state = new Float64Array(deviceStateLayout(n).size);
    this.#command = new Float64Array(commandLayout(n).size);
    this.#sent = new Float64Array(sentLayout(n).size);
    this.#q = commandLayout(n).view(this.#command, 'q');
    this.#command[commandLayout(n).at('mode')] = CommandMode.position;
    this.#tickAt = commandLayout(n).at('tick');
    this.#home = device.spec.axes.map((a) => a.home);
    device.setEnabled('on');
  }

  /** Steps a second in the fastest block. */
  rate(): number {
    let least = Number.POSITIVE_INFINITY;
    let start = 0;
    this.device.reset(1);
    for (let k = 0; k < STEPS; k++) {
      if (k >= WARMUP && k % BLOCK === 0) {
        const time = performance.now();
        if (k > WARMUP) least = Math.min(least, time - start);
        start = time;
      }
      targets(this.#home, k, this.#q);
      this.#command[this.#tickAt]! += 1;
      this.device.write(this.#command, k, this.#sent);
      this.device.advance();
      this.device.read(k + 1, this.#state);
    }
    return (1000 * BLOCK) / Math.min(least, performance.now() - start);
  }
}

export async function run(context: BenchContext): Promise<BenchResult> {
  const robot = loadRobot(join(packageRoot(), 'robots', 'panda-sim.yaml'));
  const ours = new Map<string, Ours>();
  for (const scene of SCENES) {
    const rig = { ...robot, sim: { ...robot.sim!, task: scene } };
    ours.set(scene, new Ours(await createLockstepDevice({ robot: rig, entry: rig.devices[0]!, seed: 1 })));
  }
  const folder = mkdtempSync(join(tmpdir(), 'armloop-bench-sim-'));
  const { python, skip } = findPython(['mujoco', 'numpy']);
  try {
    const peer =
      python === ''
        ? null
        : nativePeer(
            python,
            folder,
            robot.axes.map((a) => a.home),
            ours,
          );
    const parts: BenchResult[] = [];
    for (const scene of SCENES) {
      const part = await compare(context, {
        bench: `sim, ${scene}`,
        cases: [
          {
            name: name(scene),
            unit: '1/s',
            better: 'higher',
            limit: { ratio: LIMIT },
          },
        ],
        ours: async () => ({ [name(scene)]: ours.get(scene)!.rate() }),
        peer:
          peer === null
            ? { absent: typeof skip === 'string' ? skip : 'no Python', floor: FLOOR }
            : { name: peer.name, run: async () => ({ [name(scene)]: peer.rate(scene) }) },
      });
      parts.push(part);
    }
    return combine('sim', parts);
  } finally {
    for (const o of ours.values()) o.device.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs mujoco_peer.py from the same start (MuJoCo's state of our device after the same reset) with the same targets. */
function nativePeer(
  python: string,
  folder: string,
  home: readonly number[],
  ours: ReadonlyMap<string, Ours>,
) {
  const script = join(packageRoot(), 'test', 'interop', 'mujoco_peer.py');
  const row = new Float64Array(8);
  const ctrl = Array.from({ length: STEPS }, (_, k) => {
    targets(home, k, row);
    return Array.from(row);
  });
  for (const [scene, { device }] of ours) {
    device.reset(1);
    const free = device.scene!.objects.length;
    // A snapshot begins with the time, then qpos and qvel.
    const state = Array.from(device.snapshot().subarray(1, 1 + 9 + 7 * free + 9 + 6 * free));
    const spec = { timestep: 0.001, warmup: WARMUP, block: BLOCK, state, ctrl };
    writeFileSync(join(folder, `${scene}.json`), JSON.stringify(spec));
  }
  const version = execFileSync(python, ['-c', 'import mujoco; print(mujoco.__version__)'], {
    encoding: 'utf8',
  });
  return {
    name: `native MuJoCo ${version.trim()} from Python`,
    /** Steps a second in the fastest block. */
    rate: (scene: string): number => {
      const model = join(packageRoot(), 'sim', 'models', `${scene}.xml`);
      const text = execFileSync(python, [script, model, join(folder, `${scene}.json`)], { encoding: 'utf8' });
      return BLOCK / (JSON.parse(text) as { fastest: number }).fastest;
    },
  };
}
