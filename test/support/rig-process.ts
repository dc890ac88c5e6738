/** Whole rigs in processes of their own, for tests: started, spoken to, ended by id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Layout } from '../../src/robot/layout.ts';
import { operatorLayout } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import { floats, TestSocket, until } from './sockets.ts';

const MAIN = join(packageRoot(), 'dist', 'src', 'main.js');

/** A workspace of its own, gone with the test. */
export function workspace(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'armloop-ws-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One `armloop` process with what it prints. */
export class Command implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  output = '';
  over: Ended | null = null;

  constructor(args: readonly string[], nodeArgs: readonly string[] = []) {
    this.child = spawn(process.execPath, [...nodeArgs, MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.ended = new Promise((resolve) => {
      // All that it printed is in the pipes when it ends, and one turn of the event loop reads it. Not `close`: a device that
      // outlives its rig keeps the pipes open.
      this.child.once('exit', (code, signal) => {
        setImmediate(() =>
          setImmediate(() => {
            this.over = { code, signal };
            resolve(this.over);
          }),
        );
      });
    });
  }

  /** First group of the pattern in what was printed; rejects when the process ends first. */
  async prints(pattern: RegExp, timeoutMs = 60_000): Promise<string> {
    return until(
      `${pattern} in: ${this.output}`,
      () => {
        const found = pattern.exec(this.output);
        if (found === null && this.over !== null) throw new Error(`ended before ${pattern}: ${this.output}`);
        return found?.[1] ?? found?.[0];
      },
      timeoutMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.over !== null) return;
    this.child.kill('SIGTERM');
    const hard = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
    await this.ended;
    clearTimeout(hard);
  }
}

/** `armloop up` on a free port. */
export async function up(
  folder: string,
  robot: string,
  args: readonly string[] = [],
): Promise<Command & { url: string }> {
  const command = new Command(['up', robot, '--workspace', folder, '--port', '0', '--no-browser', ...args]);
  const url = await command.prints(/Console: (http:\S+)/);
  return Object.assign(command, { url });
}

/** Process ids that a process of that name wrote into its log of the workspace, oldest first. */
export function loggedPids(folder: string, name: string): number[] {
  const file = join(folder, 'logs', `${name}.log`);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return [...new Set(lines.map((line) => (JSON.parse(line) as { pid: number }).pid))];
}

/** A client that watches and, with a lease, drives. */
export class Client implements AsyncDisposable {
  readonly url: string;
  readonly live: TestSocket;
  readonly operator: TestSocket;
  readonly layout: Layout;
  readonly input: Layout;
  readonly block: Float64Array;
  /** Newest live block. */
  now: Float64Array;
  lease = 0;
  #timer: NodeJS.Timeout | null = null;

  private constructor(url: string, live: TestSocket, operator: TestSocket, hello: Record<string, unknown>) {
    this.url = url;
    this.live = live;
    this.operator = operator;
    this.layout = Layout.fromJSON(hello['layout'] as Parameters<typeof Layout.fromJSON>[0]);
    this.now = new Float64Array(this.layout.size);
    const { axes } = hello['robot'] as { axes: unknown[] };
    this.input = operatorLayout(axes.length);
    this.block = new Float64Array(this.input.size);
    live.onBinary = (data) => {
      this.now = floats(data);
    };
  }

  static async open(url: string): Promise<Client> {
    const live = await TestSocket.open(`${url}/api/live`);
    const hello = await live.text('hello');
    const client = new Client(url, live, await TestSocket.open(`${url}/api/operator`), hello);
    await client.until('a live block', () => client.value('tick') > 0);
    return client;
  }

  value(field: string, index = 0): number {
    return this.now[this.layout.at(field) + index]!;
  }

  /** Waits on the live stream. */
  async until(what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> {
    await until(what, condition, timeoutMs).catch((error: Error) => {
      throw new Error(
        `${error.message}; mode ${this.value('mode')}, events ${JSON.stringify(this.session['events'])}`,
      );
    });
  }

  /** Newest session state. */
  get session(): Record<string, unknown> {
    const newest = this.live.texts.findLast((t) => 'session' in t);
    return newest?.['session'] as Record<string, unknown>;
  }

  /** Takes the lease and sends operator input 100 times a second from then on. */
  async take(operator = 'tester'): Promise<number> {
    const before = this.operator.texts.length;
    this.operator.send({ type: 'take', operator });
    const reply = await until('an answer to take', () =>
      this.operator.texts.slice(before).find((t) => t['type'] === 'lease'),
    );
    if (reply['granted'] !== true) throw new Error(String(reply['reason']));
    this.lease = reply['lease'] as number;
    this.#timer ??= setInterval(() => this.#send(), 10);
    return this.lease;
  }

  /** Sets operator input: field → values. */
  set(fields: Readonly<Record<string, number | readonly number[]>>): void {
    for (const [name, value] of Object.entries(fields)) {
      const view = this.input.view(this.block, name);
      if (typeof value === 'number') view.fill(value);
      else view.set(value);
    }
  }

  /** Goes silent, as an operator whose browser hangs. */
  silence(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async post(path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Posts with the lease and expects success. */
  async ask(path: string, body: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const answer = await this.post(path, { lease: this.lease, ...body });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async get<T>(path: string): Promise<T> {
    return (await (await fetch(this.url + path)).json()) as T;
  }

  #send(): void {
    if (this.operator.socket.readyState !== 1) return;
    const seq = this.input.at('seq');
    this.block[seq] = this.block[seq]! + 1;
    this.block[this.input.at('clientTime')] = performance.now() / 1000;
    this.operator.sendBlock(this.block);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.silence();
    this.live[Symbol.dispose]();
    this.operator[Symbol.dispose]();
  }
}
