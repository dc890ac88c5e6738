/**
 * The supervisor of `armloop up`: starts the rig in a process group of its own and a server beside it, starts the
 * server again whenever it dies, and the rig never: what a rig was doing when it died is for a person to look at.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerMessage } from '../server/process.ts';

export interface RigStart {
  readonly file: string;
  readonly workspace: string;
  readonly task?: string;
  readonly seed?: number;
  readonly dryRun?: boolean;
  readonly setUp?: boolean;
  readonly input?: string;
  readonly print: (line: string) => void;
}

export interface SuperviseOptions extends RigStart {
  readonly rig: string;
  readonly port: number;
  readonly host: string;
  readonly token: string | null;
  readonly browser: boolean;
}

/** What a rig process tells its supervisor. */
export type RigMessage = { readonly type: 'ready'; readonly mode: string };

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
/** A server that ends before it listens is started again after a pause, doubled each time. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5000;

/** Resolves with the exit code when the rig has ended. */
export async function superviseRig(options: SuperviseOptions): Promise<number> {
  const { print } = options;
  const rig = startRig(options);
  const server = new ServerKeeper(options, (url) => {
    print(`Console: ${url}`);
    print(
      'Open it, take control, and drive: W A S D and the arrow keys move the tool. Ctrl-C here ends the rig.',
    );
    if (options.browser) openBrowser(url);
  });
  const signals = passSignals(rig, print);
  rig.on('message', (message: RigMessage) => {
    if (message.type === 'ready' && signals.count === 0) server.start();
  });
  server.onFatal = () => rig.kill('SIGTERM');
  const { code, signal } = await ended(rig);
  await server.stop();
  signals.stop();
  if (signal !== null) {
    print(`The rig died of ${signal}. Its devices hold by themselves; look at the arm, then start again.`);
    return 1;
  }
  return server.failed ? 1 : (code ?? 1);
}

/** Runs the rig alone, in a process of its own with the settings that it needs. Resolves with its exit code. */
export async function passOn(options: RigStart): Promise<number> {
  const rig = startRig(options);
  const signals = passSignals(rig, options.print);
  const { code } = await ended(rig);
  signals.stop();
  return code ?? 1;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Signals to this process go to the rig, which is in a process group of its own. */
function passSignals(
  rig: ChildProcess,
  print: (line: string) => void,
): { readonly count: number; stop: () => void } {
  let count = 0;
  const pass = (signal: NodeJS.Signals): void => {
    count++;
    if (count === 1) print('Stopping the arm. Ctrl-C again stops it where it is and leaves at once.');
    else print('Stopping where it is.');
    rig.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  return {
    get count() {
      return count;
    },
    stop: () => {
      for (const signal of SIGNALS) process.off(signal, pass);
    },
  };
}

function startRig(options: RigStart): ChildProcess {
  const { file, workspace, task, seed, dryRun, setUp, input } = options;
  const args = [MAIN, 'rig', file, '--workspace', resolve(workspace)];
  if (task !== undefined) args.push('--task', task);
  if (seed !== undefined) args.push('--seed', String(seed));
  if (dryRun === true) args.push('--dry-run');
  if (setUp === true) args.push('--set-up');
  if (input !== undefined) args.push('--input', input);
  // --single-threaded-gc: the helper threads of a parallel collection take the cores that the loop needs.
  // detached: a process group of its own, so that Ctrl-C in the terminal reaches the rig through this process alone.
  return spawn(process.execPath, ['--single-threaded-gc', ...args], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

class ServerKeeper {
  readonly #options: SuperviseOptions;
  readonly #onFirst: (url: string) => void;
  #child: ChildProcess | null = null;
  #port: number;
  #listened = false;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  failed = false;
  onFatal: () => void = () => {};

  constructor(options: SuperviseOptions, onFirst: (url: string) => void) {
    this.#options = options;
    this.#port = options.port;
    this.#onFirst = onFirst;
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = null;
    const { file, workspace, host, token, print } = this.#options;
    const args = [
      'server',
      file,
      '--workspace',
      resolve(workspace),
      '--host',
      host,
      '--port',
      String(this.#port),
    ];
    let listens = false;
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // The token stays out of the argument list, which every user of the machine can read.
      env: { ...process.env, ...(token === null ? {} : { ARMLOOP_TOKEN: token }) },
    });
    this.#child = child;
    child.on('message', (message: ServerMessage) => {
      // Also with port 0 the address stays what it was, whatever happens to the server.
      this.#port = message.port;
      listens = true;
      if (this.#listened) print(`The server is back at ${message.url}.`);
      else this.#onFirst(message.url);
      this.#listened = true;
    });
    void ended(child).then(({ code, signal }) => {
      this.#child = null;
      if (this.#stopped) return;
      if (!this.#listened) {
        this.failed = true;
        this.onFatal();
        return;
      }
      this.#pauseMs = listens ? FIRST_PAUSE_MS : Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
      print(`The server ended (${signal ?? `code ${code}`}); the rig goes on. Starting it again.`);
      this.#timer = setTimeout(() => this.start(), this.#pauseMs);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const child = this.#child;
    if (child === null) return;
    const gone = ended(child);
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 3000);
    await gone;
    clearTimeout(hard);
  }
}

function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve({ code: child.exitCode, signal: child.signalCode });
      return;
    }
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: 1, signal: null }));
  });
}

/** Opens the console where a person can see it; silent where there is no display. */
function openBrowser(url: string): void {
  const { platform, env } = process;
  const display = platform === 'darwin' || platform === 'win32' || env['DISPLAY'] || env['WAYLAND_DISPLAY'];
  if (!display) return;
  const [command, ...args] =
    platform === 'darwin'
      ? ['open', url]
      : platform === 'win32'
        ? ['cmd', '/c', 'start', '', url]
        : ['xdg-open', url];
  const child = spawn(command!, args, { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
