/** A real `armloop up` process on a free port with a workspace of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packageRoot } from '../../src/root.ts';

export interface Up {
  /** With a slash at the end. */
  readonly url: string;
  readonly workspace: string;
  /** What it has printed so far. */
  output(): string;
  [Symbol.asyncDispose](): Promise<void>;
}

const START_MS = 60_000;
const STOP_MS = 15_000;

/**
 * Starts it and resolves once it has printed its address. `args` come after `up`; `home` is the folder of the armloop
 * to run, this one unless a test installed another.
 */
export async function startUp(args: readonly string[], home = packageRoot()): Promise<Up> {
  const workspace = await mkdtemp(path.join(tmpdir(), 'armloop-up-'));
  const main = path.join(home, 'dist', 'src', 'main.js');
  const child = spawn(
    process.execPath,
    [main, 'up', ...args, '--no-browser', '--port', '0', '--workspace', workspace],
    // A group of its own, so that nothing it starts outlives the test.
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  let output = '';
  const heard = new Set<() => void>();
  const hear = (chunk: Buffer): void => {
    output += chunk.toString();
    for (const check of heard) check();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  try {
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no address within ${START_MS} ms:\n${output}`)),
        START_MS,
      );
      child.once('exit', (code) => reject(new Error(`armloop up ended with ${code}:\n${output}`)));
      heard.add(() => {
        const found = /https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\]):\d+/.exec(output);
        if (!found) return;
        clearTimeout(timer);
        resolve(`${found[0]}/`);
      });
    });
    heard.clear();
    return { url, workspace, output: () => output, [Symbol.asyncDispose]: () => stop(child, workspace) };
  } catch (error) {
    await stop(child, workspace);
    throw error;
  }
}

async function stop(child: ChildProcess, workspace: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGINT');
    const timer = setTimeout(() => killGroup(child), STOP_MS);
    await ended;
    clearTimeout(timer);
  }
  killGroup(child);
  await rm(workspace, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
