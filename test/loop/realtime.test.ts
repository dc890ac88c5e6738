import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LatestView, RingView } from '../../src/loop/channel.ts';
import { DeviceThread } from '../../src/loop/device-thread.ts';
import { LoopThread, type LoopThreadOptions } from '../../src/loop/realtime.ts';
import { verifyTicks } from '../../src/loop/verify.ts';
import { posesLayout, snapshotLayout } from '../../src/robot/frame.ts';
import {
  ControllerId,
  Mode,
  operatorLayout,
  Reason,
  RequestKind,
  requestLayout,
  Source,
  sentLayout,
  tickRecordLayout,
} from '../../src/robot/tick.ts';
import { createControllers, Misdeed } from '../support/loop-controllers.ts';
import { panda } from '../support/loop-rig.ts';

// Limits of age and missed periods are tested in lockstep; here a busy machine must not trip them.
const spec = {
  ...panda().spec,
  // Several test files with FIFO threads at once would starve everything else on a small machine.
  loop: { ...panda().spec.loop, fifoPriority: 0 },
  limits: { ...panda().spec.limits, stateAgeMs: 5000, missedMs: 5000, deadmanMs: 5000 },
};
const layout = tickRecordLayout(spec);
const op = operatorLayout(spec.axes.length);
const SIM = new URL('../../sim/index.js', import.meta.url).href;

/** Loop and simulated device in their threads, an operator who keeps talking, and every tick kept. */
class Rig implements AsyncDisposable {
  readonly loop: LoopThread;
  readonly device: DeviceThread;
  readonly died: string[];
  readonly ticks: Float64Array[] = [];
  lease = 1;
  speed = 0;
  jog = 0;
  readonly #ring: RingView;
  readonly #timer: NodeJS.Timeout;
  #seq = 0;

  constructor(loop: LoopThread, device: DeviceThread, died: string[]) {
    this.loop = loop;
    this.device = device;
    this.died = died;
    this.#ring = new RingView(loop.recorder.tick);
    this.#timer = setInterval(() => this.#beat(), 5);
  }

  static async open(t: TestContext, options: Partial<LoopThreadOptions> = {}): Promise<Rig> {
    const died: string[] = [];
    const loop = await LoopThread.open({
      spec,
      onDead: (reason) => died.push(reason),
      controllers: new URL('../support/loop-controllers.js', import.meta.url),
      ...options,
    });
    const device = await DeviceThread.load({
      robot: spec,
      entry: spec.devices[0]!,
      module: SIM,
      seed: 1,
      poseReaders: 2,
      recordPosesHz: 30,
    });
    await device.open(loop.ports[0]!);
    const rig = new Rig(loop, device, died);
    t.after(() => rig[Symbol.asyncDispose]());
    return rig;
  }

  #beat(): void {
    const block = this.loop.operator.block;
    block.fill(0);
    block[op.at('seq')] = ++this.#seq;
    block[op.at('lease')] = this.lease;
    block[op.at('time')] = Number(process.hrtime.bigint()) / 1e9;
    block[op.at('enable')] = 1;
    block[op.at('speed')] = this.speed;
    block[op.at('jog')] = this.jog;
    this.loop.operator.publish();
    this.drain();
  }

  drain(): void {
    for (let slot = this.#ring.peek(); slot !== null; slot = this.#ring.peek()) {
      this.ticks.push(slot.block.slice());
      this.#ring.release();
    }
  }

  get(name: string, tick = this.ticks.at(-1)!): number {
    return tick[layout.at(name)]!;
  }

  /** Waits for a tick (from now on) of which the condition holds. */
  async until(what: string, condition: (tick: Float64Array) => boolean, seconds = 60): Promise<Float64Array> {
    let from = this.ticks.length;
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
      this.drain();
      for (; from < this.ticks.length; from++) if (condition(this.ticks[from]!)) return this.ticks[from]!;
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    const last = this.ticks.at(-1);
    const answers = this.ticks
      .filter((x) => this.get('in.request.seq', x) !== 0)
      .map(
        (x) =>
          `${this.get('out.request.accepted', x)} (reasons ${this.get('out.reasonAll', x)}, lease ${this.get('in.op.lease', x)}, heard ${this.get('in.time', x) - this.get('in.op.time', x)} s before)`,
      );
    const now = last && `mode ${this.get('out.mode', last)}, fault ${this.get('out.fault', last)}`;
    throw new Error(
      `${what}: not in ${seconds} s; ${now}, dead: ${this.died}, answers: ${answers.join(', ')}`,
    );
  }

  mode(mode: Mode): Promise<Float64Array> {
    return this.until(`mode ${mode}`, (t) => this.get('out.mode', t) === mode);
  }

  /** To `active`, with the operator driving joint 1. */
  async drive(): Promise<void> {
    await this.mode(Mode.connected);
    await this.device.enable();
    await this.until('the operator heard', (t) => this.get('in.op.lease', t) === 1);
    this.loop.request({ kind: RequestKind.arm });
    await this.mode(Mode.holding);
    this.loop.request({
      kind: RequestKind.activate,
      controller: ControllerId.twist,
      source: Source.human,
      lease: 1,
    });
    await this.mode(Mode.active);
    this.jog = 0.4;
    await this.until('motion', (t) => this.get('out.qd', t) > 0.39);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.loop[Symbol.asyncDispose]();
    await this.device[Symbol.asyncDispose]();
  }
}

test('loop and simulation in their threads: arm, drive, stop; every tick is recorded, in order, on schedule', async (t) => {
  const rig = await Rig.open(t);
  await rig.drive();
  await rig.until('a little way', (tick) => rig.get('in.q', tick) > 0.1);
  rig.loop.request({ kind: RequestKind.snapshot });
  await rig.until('snapshot taken', (tick) => rig.get('out.request.accepted', tick) === 3);
  rig.loop.request({ kind: RequestKind.hold });
  await rig.mode(Mode.holding);
  const stats = rig.loop.stats();
  assert.ok(stats.ticks > 100 && stats.workP50 > 0 && stats.latenessP50 > 0);
  assert.equal(stats.lostTicks, 0);
  // Ticks count up by one; times lie on the grid of the rate, missed periods included.
  let missed = 0;
  for (let i = 1; i < rig.ticks.length; i++) {
    const [a, b] = [rig.ticks[i - 1]!, rig.ticks[i]!];
    assert.equal(rig.get('in.tick', b), rig.get('in.tick', a) + 1);
    const periods = 1 + rig.get('in.missed', b);
    missed += periods - 1;
    assert.ok(Math.abs(rig.get('in.time', b) - rig.get('in.time', a) - periods / 1000) < 1e-9);
    assert.ok(rig.get('in.wake', b) >= rig.get('in.time', b));
    assert.ok(
      rig.get('in.wake', b) - rig.get('in.time', b) < 1e-3 + 1e-9,
      'more than a period late counts as missed',
    );
    for (const [early, late] of [
      ['in.wake', 'stamp.seen'],
      ['stamp.seen', 'stamp.computed'],
      ['stamp.computed', 'stamp.written'],
    ] as const) {
      assert.ok(rig.get(early, b) <= rig.get(late, b), `${early} after ${late}`);
    }
    assert.ok(rig.get('in.device.time', b) <= rig.get('stamp.seen', b), 'a state from the future');
  }
  assert.ok(stats.missed >= missed);
  // The snapshot is the memory of the tick that it names.
  const snaps = new RingView(rig.loop.recorder.snapshot);
  const snapshot = snapshotLayout(rig.loop.memoryLayout.size);
  const snap = snaps.peek()!.block;
  const tick = rig.ticks.find((x) => rig.get('in.tick', x) === snap[snapshot.at('tick')])!;
  assert.equal(rig.get('in.time', tick), snap[snapshot.at('time')]);
  assert.equal(rig.get('out.request.accepted', tick), 3);
  const q = snapshot.at('memory') + rig.loop.memoryLayout.at('guard.q');
  const before = rig.ticks[rig.ticks.indexOf(tick) - 1]!;
  assert.equal(snap[q], rig.get('out.q', before));
  // Requests as taken.
  const requests = new RingView(rig.loop.recorder.request);
  assert.equal(requests.length, 4);
  const taken = new Map<number, Float64Array>();
  for (let slot = requests.peek(); slot !== null; slot = requests.peek()) {
    taken.set(slot.block[requestLayout.at('seq')]!, slot.block.slice());
    requests.release();
  }
  // All that was recorded from the snapshot on, run again: the same commands, bit for bit.
  const from = rig.ticks.indexOf(tick);
  const verified = await verifyTicks({
    spec,
    model: panda().model,
    controllers: createControllers(),
    memory: snap.slice(snapshot.at('memory')),
    ticks: rig.ticks.slice(from),
    request: (seq) => taken.get(seq),
  });
  assert.deepEqual(verified.difference, null);
  assert.ok(verified.ticks >= rig.ticks.length - from);
  // What the device sent, with the measurement that followed.
  const sent = new RingView(rig.loop.recorder.sent[0]!);
  const sl = sentLayout(8);
  assert.ok(sent.length > 10);
  let lastTick = -1;
  for (let slot = sent.peek(); slot !== null; slot = sent.peek()) {
    assert.ok(slot.block[sl.at('tick')]! > lastTick);
    lastTick = slot.block[sl.at('tick')]!;
    const record = rig.ticks.find((x) => rig.get('in.tick', x) === lastTick)!;
    assert.equal(slot.block[sl.at('q')], rig.get('out.q', record));
    assert.ok(slot.block[sl.at('written')]! >= rig.get('stamp.computed', record));
    assert.ok(slot.block[sl.at('measuredTime')]! >= slot.block[sl.at('written')]!);
    sent.release();
    if (lastTick > 200) break;
  }
  // Poses, for each reader and the recorder.
  const pl = posesLayout(rig.device.scene!.bodies.length);
  for (const buffer of rig.device.poses) {
    const view = new LatestView(buffer);
    assert.ok(view.take());
    assert.ok(view.block[pl.at('time')]! > 0);
  }
  assert.ok(new RingView(rig.device.recordPoses!).length >= 2);
  const live = rig.loop.live[0]!;
  assert.ok(live.take() && live.block[layout.at('in.tick')]! > 0);
  assert.deepEqual(rig.died, []);
});

test('a controller that throws in the thread: latched stop, the loop goes on, the error is told', async (t) => {
  const told: string[] = [];
  const rig = await Rig.open(t, { onControllerError: (message) => told.push(message) });
  await rig.drive();
  rig.speed = Misdeed.throws;
  const at = await rig.mode(Mode.stopping);
  const stopped = await rig.mode(Mode.stopped);
  assert.equal(rig.get('out.fault', stopped), Reason.controllerFault);
  // In ticks of 1 ms: what the loop could not run for is no matter of the stop.
  assert.ok(rig.get('in.tick', stopped) - rig.get('in.tick', at) < 200);
  rig.speed = Misdeed.none;
  rig.loop.request({ kind: RequestKind.clear });
  await rig.mode(Mode.holding);
  assert.match(told[0] ?? '', /the controller broke/);
  assert.deepEqual(rig.died, []);
});

for (const [what, misdeed, words] of [
  ['hangs', Misdeed.hangs, /has not run for/],
  ['fails in its own code', Misdeed.breaks, /failed/],
] as const) {
  test(`a loop thread that ${what} is noticed, and the halted device holds`, async (t) => {
    const rig = await Rig.open(t, { staleMs: 250 });
    await rig.drive();
    rig.speed = misdeed;
    while (rig.died.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.match(rig.died[0]!, words);
    await rig.device.halt();
    const snapshot = async (): Promise<Float64Array> => (await rig.device.snapshot()).slice(1, 8);
    // At rest when two looks half a second of simulated periods apart show the same joints.
    const settle = async (): Promise<void> => {
      const from = rig.device.stats().periods;
      while (rig.device.stats().periods < from + 500) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await settle();
    const first = await snapshot();
    await settle();
    const second = await snapshot();
    for (const [i, q] of first.entries()) {
      assert.ok(Math.abs(q - second[i]!) < 1e-3, `joint ${i + 1} still moves`);
    }
    assert.equal(rig.died.length, 1);
  });
}

test('reset of the scene under way: a new epoch, and the command begins at the measured pose', async (t) => {
  const rig = await Rig.open(t);
  await rig.drive();
  rig.jog = 0;
  rig.loop.request({
    kind: RequestKind.activate,
    controller: ControllerId.reset,
    source: Source.reset,
    lease: 1,
  });
  await rig.until('reset in the slot', (x) => rig.get('out.controller', x) === ControllerId.reset);
  const before = rig.get('in.task.epoch');
  await rig.device.reset(42);
  const tick = await rig.until('new epoch', (x) => rig.get('in.task.epoch', x) !== before);
  assert.equal(rig.get('in.task.seed', tick), 42);
  assert.equal(rig.get('out.mode', tick), Mode.active);
  assert.ok(Math.abs(rig.get('out.q', tick) - rig.get('in.q', tick)) < 1e-9);
  const later = await rig.until('later', (x) => rig.get('in.tick', x) > rig.get('in.tick', tick) + 50);
  assert.ok(
    Math.abs(rig.get('in.q', later) - rig.get('in.q', tick)) < 2e-3,
    'the arm stays where the new scene put it',
  );
  const physics = await rig.device.snapshot();
  await rig.device.restore(physics);
  assert.deepEqual(rig.died, []);
});

test('errors of a device thread are told', async (t) => {
  await assert.rejects(
    DeviceThread.load({ robot: spec, entry: spec.devices[0]!, module: 'file:///no/such.js', seed: 1 }),
    /DEVICE_UNREACHABLE|no\/such|did not answer/,
  );
  const rig = await Rig.open(t);
  await assert.rejects(rig.device.restore(new Float64Array(3)), /could not restore/);
});
