/**
 * A server that speaks the console's protocol with made-up state: for browser tests of states that a real rig
 * reaches rarely (faults, refusals, a lost server). Its arm is one box that follows the twist input.
 */
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import sharp from 'sharp';
import { type WebSocket, WebSocketServer } from 'ws';
import { MPC_TASKS } from '../../src/plan/mpc/tasks.ts';
import type { Layout } from '../../src/robot/layout.ts';
import type { SceneGeom } from '../../src/robot/scene.ts';
import type { AxisSpec } from '../../src/robot/spec.ts';
import { ControllerId, Mode, operatorLayout, Source } from '../../src/robot/tick.ts';
import {
  type EpisodeSummary,
  type Hello,
  type JsonScene,
  liveLayout,
  type SessionState,
  type TraceHeader,
  traceLayout,
} from '../../src/server/protocol.ts';

const AXES = 8;

function geom(name: string, body: number, part: Partial<SceneGeom>): SceneGeom {
  return {
    name,
    body,
    type: 'box',
    size: [0.1, 0.1, 0.1],
    position: [0, 0, 0],
    orientation: [0, 0, 0, 1],
    rgba: [0.7, 0.7, 0.7, 1],
    mesh: -1,
    checker: null,
    specular: 0.3,
    castsShadow: true,
    ...part,
  };
}

const scene: JsonScene = {
  bodies: [
    { name: 'world', parent: -1, fixed: true },
    { name: 'hand', parent: 0, fixed: false },
    { name: 'cube', parent: 0, fixed: false },
  ],
  geoms: [
    geom('floor', 0, {
      type: 'plane',
      size: [0, 0, 0.1],
      position: [0, 0, -0.4],
      rgba: [0.8, 0.82, 0.85, 1],
      checker: { rgb2: [0.7, 0.72, 0.75], perMetre: 2 },
    }),
    geom('table', 0, { size: [0.45, 0.65, 0.02], position: [0.5, 0, -0.02], rgba: [0.76, 0.7, 0.62, 1] }),
    geom('column', 0, {
      type: 'capsule',
      size: [0.08, 0.3, 0],
      position: [0, 0, 0.3],
      rgba: [0.9, 0.9, 0.92, 1],
    }),
    geom('palm', 1, { size: [0.03, 0.1, 0.03], position: [0, 0, -0.08], rgba: [0.2, 0.22, 0.25, 1] }),
    geom('cube', 2, { size: [0.02, 0.02, 0.02], rgba: [0.8, 0.25, 0.2, 1] }),
  ],
  meshes: [],
  lights: [],
  objects: ['cube'],
  skyTop: [0.6, 0.7, 0.8],
  skyBottom: [0.9, 0.9, 0.9],
};

const axes: AxisSpec[] = Array.from({ length: AXES }, (_, i) => ({
  name: i < 7 ? `joint${i + 1}` : 'gripper',
  device: 'sim',
  type: i < 7 ? 'revolute' : 'prismatic',
  min: i < 7 ? -2.9 : 0,
  max: i < 7 ? 2.9 : 0.08,
  velocity: 2,
  acceleration: 10,
  jerk: 5000,
  effort: 80,
  home: 0,
  joints: [],
  kp: 100,
  kd: 10,
}));

const camera = {
  kind: 'sim',
  width: 320,
  height: 240,
  fps: 15,
  quality: 80,
  fovyDeg: 45,
  latencyMs: 20,
  frame: 'world',
  position: [0, 0, 0],
  orientation: [0, 0, 0, 1],
  options: {},
} as const;

function episode(id: string, label: EpisodeSummary['label']): EpisodeSummary {
  const failed = label === 'failure';
  return {
    id,
    rig: 'fake-rig',
    task: 'Lift the cube',
    operator: 'Ada',
    label,
    cause: failed ? 'dropped the object' : '',
    startedAt: 1_790_000_000,
    duration: 4,
    ticks: 4000,
    rateHz: 999.8,
    missed: 2,
    bytes: 1_234_567,
    seed: 1,
    sources: ['human'],
    flags: failed ? ['idle for 3.2 s'] : [],
    repaired: false,
    trashed: false,
    cameras: [{ name: 'front', frames: 60, fps: 15, maxGap: 0.07 }],
  };
}

/** Four seconds in which the hand moves along x, in the server's format. */
function trace(): Buffer {
  const layout = traceLayout(AXES, scene.bodies.length);
  const rows = 121;
  const header: TraceHeader = {
    layout: layout.toJSON(),
    rows,
    axes: axes.map(({ name, type }) => ({ name, type })),
    scene,
  };
  const text = Buffer.from(JSON.stringify(header));
  const start = 8 * Math.ceil((4 + text.length) / 8);
  const out = Buffer.alloc(start + 8 * rows * layout.size);
  out.writeUInt32LE(text.length, 0);
  text.copy(out, 4);
  const data = new Float64Array(rows * layout.size);
  for (let i = 0; i < rows; i++) {
    const at = (name: string): number => i * layout.size + layout.at(name);
    const t = i / 30;
    const tool = [0.4 + 0.05 * t, 0.1, 0.3, 1, 0, 0, 0];
    data[at('time')] = t;
    data[at('mode')] = Mode.active;
    data[at('controller')] = ControllerId.twist;
    data[at('source')] = Source.human;
    data[at('reasonAll')] = i > 90 && i < 100 ? 2 : 0;
    for (let j = 0; j < 7; j++) {
      data[at('q') + j] = Math.sin(t + j);
      data[at('qCmd') + j] = Math.sin(t + 0.05 + j);
    }
    data[at('q') + 7] = 0.08 - 0.01 * t;
    data.set(tool, at('tool'));
    data.set(tool, at('toolCmd'));
    data.set([0, 0, 0, 0, 0, 0, 1, ...tool, 0.5, 0.1, 0.02, 0, 0, 0, 1], at('poses'));
  }
  Buffer.from(data.buffer).copy(out, start);
  return out;
}

/** A running fake. Tests set fields of `session` and of the live block, and read what clients sent. */
export class FakeRig {
  readonly layout: Layout = liveLayout(AXES, scene.bodies.length);
  readonly block = new Float64Array(this.layout.size);
  /** Paths and bodies of all POSTs, oldest first. */
  readonly posts: { readonly path: string; readonly body: Record<string, unknown> }[] = [];
  /** Latest operator block. */
  readonly input = new Float64Array(operatorLayout(AXES).size);
  inputs = 0;
  /** Answer of the next POST to this path: an error in the server's shape. */
  readonly refuse = new Map<string, { code: string; message: string; todo: string }>();
  leaseHolder: string | null = null;
  /** Whatever is activated has been stopped again before a message could show it. */
  stopsAtOnce = false;
  /** Cameras send pictures. */
  filming = true;
  episodes: EpisodeSummary[] = [episode('made-up-1', 'success'), episode('made-up-2', 'failure')];
  session: SessionState;

  readonly #server: http.Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #live = new Set<WebSocket>();
  readonly #operators = new Set<WebSocket>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #root: string;
  #jpeg: Buffer = Buffer.alloc(0);
  #lease = 0;

  private constructor(root: string) {
    this.#root = root;
    this.session = {
      rig: 'fake-rig',
      connected: true,
      lease: null,
      recording: { state: 'idle', episode: null, task: '', operator: '' },
      task: {
        name: 'pick-cube',
        text: 'Lift the cube',
        seed: 1,
        tasks: ['pick-cube'],
        planning: ['phases'],
      },
      devices: [{ name: 'sim', kind: 'sim', status: 'online' }],
      cameras: [{ name: 'front', width: 320, height: 240, fps: 15, measuredFps: 15, dropped: 0 }],
      realTime: { fifo: false, reason: 'not permitted here' },
      policy: null,
      planner: null,
      leader: null,
      events: [],
    };
    this.#server = http.createServer((request, response) => void this.#http(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#socket(ws, request.url ?? ''));
    });
  }

  /** Serves the built console under `root` and the fake API on a free port. */
  static async open(root: string, port = 0): Promise<FakeRig> {
    const rig = new FakeRig(root);
    rig.#jpeg = await sharp({ create: { width: 320, height: 240, channels: 3, background: '#7d8b99' } })
      .jpeg()
      .toBuffer();
    rig.set('mode', Mode.holding);
    rig.set('loop.rate', 1000);
    rig.set('loop.latenessP50', 80e-6);
    rig.set('loop.latenessP99', 400e-6);
    rig.set('recording', -1);
    rig.set('tool', 0.45, 0, 0.4, 1, 0, 0, 0);
    rig.set('poses', 0, 0, 0, 0, 0, 0, 1, 0.45, 0, 0.4, 1, 0, 0, 0, 0.5, 0.1, 0.02, 0, 0, 0, 1);
    await new Promise<void>((done) => rig.#server.listen(port, '127.0.0.1', done));
    rig.#timers.push(
      setInterval(() => rig.#tick(), 1000 / 60),
      setInterval(() => rig.#frames(), 1000 / 15),
    );
    return rig;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  set(field: string, ...values: number[]): void {
    this.block.set(values, this.layout.at(field));
  }

  /** Changes the session and tells everybody. */
  update(change: Partial<SessionState>): void {
    this.session = { ...this.session, ...change };
    this.#tell({ type: 'session', session: this.session });
  }

  /** Takes the lease away from whoever has it. */
  dropLease(reason: string): void {
    for (const ws of this.#operators) ws.send(JSON.stringify({ type: 'lost', reason }));
    this.#setLease(null);
  }

  async close(): Promise<void> {
    for (const t of this.#timers) clearInterval(t);
    for (const ws of this.#sockets.clients) ws.terminate();
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  #hello(): Hello {
    const cameras = this.session.cameras.map((c) => ({ ...camera, name: c.name }));
    return {
      type: 'hello',
      protocol: 1,
      version: '0.0.0',
      layout: this.layout.toJSON(),
      scene,
      session: this.session,
      robot: {
        id: this.session.rig,
        description: 'made up',
        model: { file: '', tool: 'tool' },
        axes,
        armAxes: 7,
        gripperAxis: 7,
        devices: [],
        cameras,
        leader: null,
        outputs: [],
        input: null,
        loop: { rateHz: 1000, fifoPriority: 0 },
        limits: {
          stateAgeMs: 100,
          missedMs: 100,
          deadmanMs: 500,
          watchdogMs: 100,
          calibrationDays: 180,
          startRampMs: 300,
          resumeDistance: 0.1,
        },
        workspace: { min: [-1, -1, 0], max: [1, 1, 1] },
        shutdown: { park: 'none' },
        teleop: { linear: 0.25, angular: 1, joint: 0.8, gripper: 0.1 },
        recording: {
          chunkMs: 250,
          jointStateHz: 100,
          sceneHz: 60,
          minRateRatio: 0.9,
          maxGapMs: 50,
          idleS: 3,
        },
        sim: { task: 'pick-cube', seed: 1, timestep: 0.001, vary: 'none' },
      },
    };
  }

  #tell(message: object): void {
    for (const ws of this.#live) ws.send(JSON.stringify(message));
  }

  #setLease(operator: string | null): void {
    this.leaseHolder = operator;
    if (operator !== null) this.#lease++;
    this.set('lease', operator === null ? 0 : this.#lease);
    this.update({ lease: operator === null ? null : { id: this.#lease, operator } });
  }

  #tick(): void {
    const now = performance.now() / 1000;
    const op = operatorLayout(AXES);
    this.set('time', now);
    this.set('wall', Date.now() / 1000);
    this.set('tick', Math.floor(now * 1000));
    const mode = this.block[this.layout.at('mode')];
    if (mode === Mode.active && this.leaseHolder !== null) {
      const twist = op.view(this.input, 'twist');
      const speed = this.input[op.at('speed')]!;
      const tool = this.layout.view(this.block, 'tool');
      for (let i = 0; i < 3; i++) tool[i]! += (0.25 * speed * twist[i]!) / 60;
      this.layout.view(this.block, 'poses').set(tool, 7);
    }
    this.layout.view(this.block, 'toolCmd').set(this.layout.view(this.block, 'tool'));
    const q = this.layout.view(this.block, 'q');
    for (let i = 0; i < 7; i++) q[i] = Math.sin(now * 0.5 + i);
    this.layout.view(this.block, 'qCmd').set(q);
    for (const ws of this.#live) ws.send(new Uint8Array(this.block.buffer));
  }

  #frames(): void {
    if (!this.filming) return;
    const header = Buffer.alloc(16);
    header.writeDoubleLE(performance.now() / 1000, 8);
    for (const ws of this.#sockets.clients) {
      if ((ws as WebSocket & { camera?: boolean }).camera) ws.send(Buffer.concat([header, this.#jpeg]));
    }
  }

  #socket(ws: WebSocket, url: string): void {
    ws.on('error', () => {});
    if (url === '/api/live') {
      ws.send(JSON.stringify(this.#hello()));
      this.#live.add(ws);
      ws.on('close', () => this.#live.delete(ws));
    } else if (url === '/api/operator') {
      this.#operators.add(ws);
      ws.on('close', () => this.#operators.delete(ws));
      ws.on('message', (data: Buffer, binary: boolean) => this.#operator(ws, data, binary));
    } else {
      (ws as WebSocket & { camera?: boolean }).camera = true;
    }
  }

  #operator(ws: WebSocket, data: Buffer, binary: boolean): void {
    if (!binary) {
      const message = JSON.parse(data.toString()) as { type: string; operator?: string };
      if (message.type === 'release') {
        this.#setLease(null);
        return;
      }
      const granted = this.leaseHolder === null;
      const reason = granted ? '' : `${this.leaseHolder} has control`;
      if (granted) this.#setLease(message.operator ?? '');
      ws.send(JSON.stringify({ type: 'lease', granted, lease: this.#lease, reason }));
      return;
    }
    this.input.set(new Float64Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)));
    this.inputs++;
    const op = operatorLayout(AXES);
    ws.send(
      JSON.stringify({
        type: 'ack',
        seq: this.input[op.at('seq')],
        clientTime: this.input[op.at('clientTime')],
        rigTime: 0,
      }),
    );
  }

  async #http(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url).pathname;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.method === 'POST') {
      const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Record<string, unknown>;
      this.posts.push({ path: url, body });
      const error = this.refuse.get(url);
      if (error) return json(409, { error });
      this.#obey(url, body);
      return json(200, { seq: this.posts.length, episode: 'e1', seed: 2 });
    }
    if (url === '/api/episodes') return json(200, this.episodes);
    if (url === '/api/planner/tasks') return json(200, MPC_TASKS);
    if (url.endsWith('/trace')) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(trace());
      return;
    }
    if (url.includes('/frame/')) {
      response.writeHead(200, { 'content-type': 'image/jpeg' }).end(this.#jpeg);
      return;
    }
    const known = this.episodes.find((e) => url === `/api/episodes/${e.id}`);
    if (known) return json(200, known);
    if (url.startsWith('/api/'))
      return json(404, { error: { code: 'NOT_FOUND', message: `no ${url}`, todo: 'None.' } });
    const file = path.join(this.#root, url === '/' ? 'index.html' : path.normalize(url));
    try {
      const types: Record<string, string> = {
        '.html': 'text/html',
        '.js': 'text/javascript',
        '.css': 'text/css',
        '.svg': 'image/svg+xml',
      };
      const data = await readFile(file);
      response
        .writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream' })
        .end(data);
    } catch {
      response.writeHead(404).end();
    }
  }

  #obey(url: string, body: Record<string, unknown>): void {
    const [, , , id, what] = url.split('/');
    this.episodes = this.episodes.map((e) => {
      if (e.id !== id) return e;
      if (what === 'trash' || what === 'restore') return { ...e, trashed: what === 'trash' };
      if (what !== 'label') return e;
      return { ...e, label: body['label'] as EpisodeSummary['label'], cause: String(body['cause'] ?? '') };
    });
    if (url === '/api/estop') {
      this.set('mode', Mode.stopped);
      this.set('fault', 1 << 13);
    } else if (url === '/api/request') {
      if (body['kind'] === 'activate') {
        if (this.stopsAtOnce) return;
        this.set('mode', Mode.active);
        this.set('controller', ControllerId[body['controller'] as 'twist']);
        this.set('source', Source.human);
      } else if (body['kind'] !== 'disarm') {
        this.set('mode', Mode.holding);
        this.set('fault', 0);
      }
    } else if (url.startsWith('/api/planner/')) {
      this.#plan(url.split('/').at(-1)!, body);
    } else if (url === '/api/recording/start') {
      this.set('recording', 0);
      this.update({
        recording: {
          state: 'recording',
          episode: 'e1',
          task: String(body['task']),
          operator: String(body['operator']),
        },
      });
    } else if (url.startsWith('/api/recording/')) {
      this.set('recording', -1);
      if (url.endsWith('/label'))
        this.episodes.unshift(episode('e1', body['label'] as EpisodeSummary['label']));
      const state = url.endsWith('/stop') ? 'review' : 'idle';
      this.update({ recording: { ...this.session.recording, state } });
    }
  }

  /** A planner that does what it is told at once; the arm stands still. */
  #plan(what: string, body: Record<string, unknown>): void {
    const task = MPC_TASKS.find((t) => t.name === body['task']);
    const now = this.session.planner;
    const target = (body['target'] ?? now?.target ?? null) as NonNullable<SessionState['planner']>['target'];
    if (what === 'start' && task !== undefined) {
      const { name, horizon, dt, terms } = task;
      const drive = String(body['drive'] ?? task.drive);
      const planner = { task: name, drive, horizon, dt, target, terms, problem: '', phase: '' };
      this.update({ planner: { ...planner, state: 'driving' } });
    } else if (what === 'set' && now !== null) {
      const weights = (body['weights'] ?? {}) as Record<string, object>;
      const terms = now.terms.map((t) => ({ ...t, ...weights[t.name] }));
      this.update({ planner: { ...now, target, terms } });
    } else if (what === 'stop') this.update({ planner: null });
    const drives = what === 'start' || what === 'resume';
    if (what === 'set') return;
    this.set('planner.loaded', what === 'stop' ? 0 : 1);
    this.set('mode', drives ? Mode.active : Mode.holding);
    this.set('controller', drives ? ControllerId.mpc : 0);
    this.set('source', drives ? Source.mpc : Source.none);
  }
}
