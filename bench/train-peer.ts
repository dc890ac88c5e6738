/** PyTorch in a process of its own: the twin of a case, fed the same parameters and batches through files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TensorData } from '../src/nn/tensor.ts';
import { packageRoot } from '../src/root.ts';
import type { TrainCase } from './train-cases.ts';

export type Batch = Readonly<Record<string, TensorData>>;

interface Answer {
  readonly version?: string;
  readonly losses?: readonly number[];
  readonly ms?: readonly number[];
  readonly far?: readonly [given: number, own: number];
}

const bytesOf = (data: TensorData['data']): Buffer =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength);

export class TorchTwin implements Disposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #folder: string;
  #errors = '';
  version = '';

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.#lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    child.stderr!.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    child.stdin!.on('error', () => {});
  }

  /** Starts the twin of a case with Adam at a learning rate. */
  static async open(
    python: string,
    of: TrainCase,
    parameters: ReadonlyMap<string, Float32Array>,
    shapes: ReadonlyMap<string, readonly number[]>,
    batches: readonly Batch[],
    options: { readonly threads: number; readonly rate: number },
  ): Promise<TorchTwin> {
    const folder = mkdtempSync(join(tmpdir(), 'armloop-bench-train-'));
    const about = {
      ...options,
      twin: of.twin,
      settings: of.settings,
      batches: batches.length,
      inputs: Object.entries(of.inputs).map(([name, { shape, dtype }]) => ({ name, shape, dtype })),
      parameters: [...parameters.keys()].map((name) => ({ name, shape: shapes.get(name), dtype: 'float32' })),
    };
    writeFileSync(join(folder, 'case.json'), JSON.stringify(about));
    writeFileSync(join(folder, 'parameters.bin'), Buffer.concat([...parameters.values()].map(bytesOf)));
    const inputs = batches.flatMap((b) => Object.keys(of.inputs).map((name) => bytesOf(b[name]!.data)));
    writeFileSync(join(folder, 'batches.bin'), Buffer.concat(inputs));
    const child = spawn(python, [join(packageRoot(), 'bench', 'train-peer.py'), folder]);
    const twin = new TorchTwin(child, folder);
    twin.version = (await twin.#answer()).version ?? '';
    return twin;
  }

  /** Losses of the first steps, from the given parameters. */
  async losses(steps: number, type: 'float32' | 'float64'): Promise<readonly number[]> {
    return (await this.#ask({ op: 'losses', steps, type })).losses!;
  }

  /**
   * How far a gradient of the first batch, in the order of the parameters, and PyTorch's own in float32 are from PyTorch's in
   * float64: lengths of the differences as shares of its length.
   */
  async gradientError(gradient: Float32Array): Promise<{ readonly given: number; readonly own: number }> {
    writeFileSync(join(this.#folder, 'gradient.bin'), bytesOf(gradient));
    const [given, own] = (await this.#ask({ op: 'gradient' })).far!;
    return { given, own };
  }

  /** Milliseconds of each of so many further steps. */
  async time(steps: number): Promise<readonly number[]> {
    return (await this.#ask({ op: 'time', steps })).ms!;
  }

  [Symbol.dispose](): void {
    this.#child.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #ask(request: object): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    return this.#answer();
  }

  async #answer(): Promise<Answer> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(this.#errors.trim() || 'PyTorch ended');
    return JSON.parse(line.value) as Answer;
  }
}
