/** A rig for server tests: a real socket whose answers a test writes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadRobot } from '../../src/config.ts';
import { type ClientRef, RigSocket } from '../../src/rig/socket.ts';
import { packageRoot } from '../../src/root.ts';
import { type Hello, LIVE_PROTOCOL, liveLayout } from '../../src/server/protocol.ts';

export const BODIES = 3;
export const spec = loadRobot(join(packageRoot(), 'robots', 'panda-sim.yaml'));
export const live = liveLayout(spec.axes.length, BODIES);

export interface Asked {
  readonly method: string;
  readonly params: unknown;
}

export class ScriptedRig implements AsyncDisposable {
  readonly folder: string;
  readonly path: string;
  /** Every request, in order. */
  readonly asked: Asked[] = [];
  readonly inputs: { readonly from: ClientRef; readonly block: Float64Array }[] = [];
  readonly gone: number[] = [];
  /** Answers requests; may throw. */
  answer: (method: string, params: unknown) => unknown = () => ({ seq: 1 });
  socket: RigSocket | null = null;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'armloop-rig-'));
    this.path = join(this.folder, 'rig.sock');
  }

  async open(): Promise<this> {
    this.socket = await RigSocket.open(this.path, {
      hello: async () => hello(),
      request: async (method, params, connection) => {
        this.asked.push({ method, params });
        if (method === 'cameras.watch') {
          const { cameras } = params as { cameras: number[] };
          this.socket?.watch(connection, new Set(cameras));
          return null;
        }
        return this.answer(method, params);
      },
      operator: (from, block) => void this.inputs.push({ from, block }),
      gone: (connection) => void this.gone.push(connection),
    });
    return this;
  }

  async close(): Promise<void> {
    await this.socket?.[Symbol.asyncDispose]();
    this.socket = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function hello(): Hello {
  const { source: _, ...robot } = spec;
  return {
    type: 'hello',
    protocol: LIVE_PROTOCOL,
    version: '0.0.0',
    robot,
    layout: live.toJSON(),
    scene: null,
    session: {
      rig: spec.id,
      connected: true,
      lease: null,
      recording: { state: 'idle', episode: null, task: '', operator: '' },
      task: null,
      devices: [],
      cameras: spec.cameras.map(({ name, width, height, fps }) => ({
        name,
        width,
        height,
        fps,
        measuredFps: fps,
        dropped: 0,
      })),
      realTime: { fifo: false, reason: 'scripted' },
      policy: null,
      planner: null,
      leader: null,
      events: [],
    },
  };
}
