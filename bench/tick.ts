/**
 * Punctuality of the loop at 1 kHz with the whole rig running: simulation, two cameras, recorder with an open episode,
 * server and a client at its live stream. The peer is the same wake-up in C at the same priority beside the same rig,
 * whose own loop then runs at normal priority, so that it loads the machine but cannot hold the peer up.
 * A value is the median over the seconds of a run of that second's p50 or p99.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Mode } from '../src/robot/tick.ts';
import { type BenchContext, type BenchResult, compare, type Measured, median } from './harness.ts';
import { compilePeer } from './tick-peer.ts';

const SECONDS = 6;
const LIMIT = 1.5;
const PRIORITY = 80;
/** µs; C clock_nanosleep on a 2-core virtual machine: SCHED_FIFO 80, and SCHED_OTHER. */
const FLOORS: Readonly<Record<'fifo' | 'normal', Measured>> = {
  fifo: { '1 kHz p50': 30, '1 kHz p99': 85 },
  normal: { '1 kHz p50': 77, '1 kHz p99': 509 },
};

interface Second {
  readonly p50: number;
  readonly p99: number;
  readonly mode: number;
  readonly heard: number;
  readonly seconds: number;
}

/** Runs a rig and, once it is ready, `work` beside it. */
async function besideRig<T>(
  priority: number,
  work: (seconds: AsyncIterator<string>) => Promise<T>,
): Promise<T> {
  const workspace = mkdtempSync(join(tmpdir(), 'armloop-bench-tick-'));
  const script = fileURLToPath(new URL('./tick-rig.js', import.meta.url));
  const rig = spawn(process.execPath, ['--single-threaded-gc', script, workspace, String(priority)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => rig.once('exit', () => resolve()));
  try {
    const lines = createInterface({ input: rig.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done === true) throw new Error('the rig did not start');
    return await work(lines);
  } finally {
    rig.stdin.end();
    const late = setTimeout(() => rig.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(late);
    rmSync(workspace, { recursive: true, force: true });
  }
}

const middle = (values: number[]): number => median(values.sort((a, b) => a - b));

export async function run(context: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'armloop-bench-peer-'));
  try {
    const fifo = askedInChild();
    const priority = fifo ? PRIORITY : 0;
    const scheduling = fifo ? `SCHED_FIFO ${PRIORITY}` : 'normal priority: SCHED_FIFO is refused here';
    context.log(`tick: ${scheduling}`);
    const ours = (): Promise<Measured> =>
      besideRig(priority, async (lines) => {
        const seconds: Second[] = [];
        // The first second that is told may have begun before the rig was ready.
        await lines.next();
        while (seconds.length < SECONDS) {
          const line = await lines.next();
          if (line.done === true) throw new Error('the rig ended');
          seconds.push(JSON.parse(line.value) as Second);
        }
        const last = seconds.at(-1)!;
        if (last.mode !== Mode.holding) throw new Error(`the rig is in mode ${last.mode}, not holding`);
        if (last.heard < 10) throw new Error('the live stream is silent');
        if (!(last.seconds > 1)) throw new Error('nothing is being recorded');
        return {
          '1 kHz p50': 1e6 * middle(seconds.map((s) => s.p50)),
          '1 kHz p99': 1e6 * middle(seconds.map((s) => s.p99)),
        };
      });
    const compiled = compilePeer(folder);
    const peer =
      'absent' in compiled
        ? {
            absent: compiled.absent,
            floor: { name: `C clock_nanosleep, ${scheduling}`, values: FLOORS[fifo ? 'fifo' : 'normal'] },
          }
        : {
            name: `C clock_nanosleep, ${scheduling}`,
            run: () =>
              besideRig(0, async () => {
                const lines = execPeer(compiled.program, priority);
                const values = (await lines)
                  .trim()
                  .split('\n')
                  .map((line) => line.split(' ').map(Number));
                return {
                  '1 kHz p50': middle(values.map((v) => v[0]!)),
                  '1 kHz p99': middle(values.map((v) => v[1]!)),
                };
              }),
          };
    return await compare(context, {
      bench: 'tick',
      cases: [
        { name: '1 kHz p50', unit: 'µs late', better: 'lower', limit: { ratio: LIMIT } },
        { name: '1 kHz p99', unit: 'µs late', better: 'lower', limit: { ratio: LIMIT } },
      ],
      ours,
      peer,
      warmup: 0,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Without blocking: the rig beside it talks through pipes that this process must go on reading. */
function execPeer(program: string, priority: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [String(SECONDS), String(priority)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.once('exit', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`the peer ended with code ${code}`)),
    );
  });
}

/** Whether this system grants SCHED_FIFO, asked in a process of its own so that the bench stays at normal priority. */
function askedInChild(): boolean {
  const fifo = new URL('../src/loop/fifo.js', import.meta.url).href;
  const script = `const { askFifo } = await import(${JSON.stringify(fifo)}); console.log(askFifo(${PRIORITY}).granted);`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  return out.trim() === 'true';
}
