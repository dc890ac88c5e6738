/** Pinocchio in C++ as a process of its own: compiled once from bench/model-peer.cpp against the headers of its wheel. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { DynamicFrame, DynamicTree } from '../src/model/dynamics.ts';
import { packageRoot } from '../src/root.ts';
import { findPython } from '../test/support/python.ts';

/** What Pinocchio's build definitions ask of those who include it. */
const FLAGS = [
  '-std=c++17',
  '-O3',
  '-march=native',
  '-DNDEBUG',
  '-DBOOST_MPL_LIMIT_LIST_SIZE=30',
  '-DBOOST_MPL_LIMIT_VECTOR_SIZE=30',
  '-DBOOST_MPL_CFG_NO_PREPROCESSED_HEADERS',
  '-DBOOST_FUSION_INVOKE_MAX_ARITY=12',
];

export type PeerProgram =
  | { readonly program: string; readonly version: string }
  | { readonly absent: string };

/** Takes a minute or two and 2 GB of memory the first time; the program is kept in the folder for temporary files. */
export function compilePeer(log: (text: string) => void): PeerProgram {
  const { python, skip } = findPython(['pinocchio']);
  if (skip !== false) return { absent: skip };
  const say =
    'import pinocchio, sysconfig; print(sysconfig.get_paths()["purelib"]); print(pinocchio.__version__)';
  const [site, version] = execFileSync(python, ['-c', say], { encoding: 'utf8' }).trim().split('\n') as [
    string,
    string,
  ];
  const prefix = join(site, 'cmeel.prefix');
  const eigen = [join(prefix, 'include', 'eigen3'), '/usr/include/eigen3'].find((f) => existsSync(f));
  if (!existsSync(join(prefix, 'include', 'pinocchio'))) return { absent: 'no headers of Pinocchio' };
  if (eigen === undefined) return { absent: 'no headers of Eigen: pip install cmeel-eigen' };
  const source = join(packageRoot(), 'bench', 'model-peer.cpp');
  const hash = createHash('sha256').update(readFileSync(source)).update(FLAGS.join()).update(version);
  const folder = join(tmpdir(), `armloop-bench-model-${hash.digest('hex').slice(0, 16)}`);
  const program = join(folder, 'peer');
  if (existsSync(program)) return { program, version };
  mkdirSync(folder, { recursive: true });
  log('model: compiling Pinocchio for this machine, once; a minute or two');
  const lib = join(prefix, 'lib');
  const link = [`-L${lib}`, '-lpinocchio_default', '-lboost_filesystem', '-lboost_serialization'];
  const include = [`-I${eigen}`, `-I${join(prefix, 'include')}`];
  const half = `${program}.${process.pid}`;
  try {
    const files = [source, '-o', half];
    execFileSync('g++', [...FLAGS, ...include, ...files, ...link, `-Wl,-rpath,${lib}`], { stdio: 'pipe' });
  } catch (error) {
    return { absent: `g++ cannot compile it: ${String(error).split('\n')[0]}` };
  }
  renameSync(half, program);
  return { program, version };
}

/** The running peer, with a model and states of its own. */
export class PinocchioPeer implements Disposable {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string, tree: DynamicTree, frame: DynamicFrame, states: readonly Float64Array[]) {
    this.#folder = mkdtempSync(join(tmpdir(), 'armloop-bench-model-'));
    const file = join(this.#folder, 'model.txt');
    writeFileSync(file, describe(tree, frame, states));
    this.#child = spawn(program, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin!.on('error', () => {});
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the peer of bench model ended');
    return value;
  }

  /** Every case's values at each state. */
  async values(states: number): Promise<Float64Array[]> {
    this.#child.stdin!.write('check\n');
    const found: Float64Array[] = [];
    for (let s = 0; s < states; s++) {
      found.push(Float64Array.from((await this.#line()).trim().split(/\s+/), Number));
    }
    return found;
  }

  /** µs of processor time per call. */
  async time(what: string, calls: number): Promise<number> {
    this.#child.stdin!.write(`time ${what} ${calls}\n`);
    return Number(await this.#line());
  }

  [Symbol.dispose](): void {
    this.#child.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function describe(tree: DynamicTree, frame: DynamicFrame, states: readonly Float64Array[]): string {
  const links = tree.links.map((l) =>
    [
      l.parent + 1,
      l.type === 'revolute' ? 1 : 0,
      ...l.rotation,
      ...l.position,
      l.mass,
      ...l.com,
      ...l.inertia,
      tree.joints[l.dof]!.armature,
    ].join(' '),
  );
  const tool = [frame.link + 1, ...frame.rotation, ...frame.position].join(' ');
  const rows = states.map((s) => s.join(' '));
  return [tree.links.length, tree.gravity.join(' '), ...links, tool, states.length, ...rows].join('\n');
}
