/** Crocoddyl in a process of its own, on the same problem: see ilqr-peer.py. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../src/root.ts';
import type { ReachSetting } from './ilqr-problem.ts';

export interface PeerSetting extends ReachSetting {
  /** p, quaternion x y z w. */
  readonly target: readonly number[];
  /** Constant torques of the first rollout. */
  readonly hold: readonly number[];
  /** Expected reduction at which to stop, and regularisation at the start. */
  readonly stop: number;
  readonly regularisation: number;
}

export interface PeerSolve {
  readonly converged: boolean;
  readonly iterations: number;
  readonly cost: number;
  readonly stop: number;
  readonly seconds: number;
  /** T × n. */
  readonly us: readonly number[];
}

/** Seconds of one pass each. */
export interface PeerParts {
  readonly calc: number;
  readonly calcDiff: number;
  readonly backward: number;
}

interface Answer extends Partial<PeerSolve>, Partial<PeerParts> {
  readonly version?: string;
  readonly threads?: number;
}

export class Crocoddyl implements Disposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = '';
  version = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    child.stderr!.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    child.stdin!.on('error', () => {});
  }

  static async open(python: string, setting: PeerSetting): Promise<Crocoddyl> {
    const env = { ...process.env, OMP_NUM_THREADS: '1' };
    const peer = new Crocoddyl(spawn(python, [join(packageRoot(), 'bench', 'ilqr-peer.py')], { env }));
    const { version, threads } = await peer.#ask(setting);
    if (threads !== 1) throw new Error(`Crocoddyl runs with ${threads} threads`);
    peer.version = version!;
    return peer;
  }

  async solve(): Promise<PeerSolve> {
    return (await this.#ask({ op: 'solve' })) as PeerSolve;
  }

  /** The least of so many repeats of each pass, at the optimum. */
  async parts(repeats: number): Promise<PeerParts> {
    return (await this.#ask({ op: 'parts', repeats })) as PeerParts;
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }

  async #ask(question: object): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(question)}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(this.#errors.trim() || 'Crocoddyl ended');
    return JSON.parse(line.value) as Answer;
  }
}
