import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createLockstepDevice } from '../../sim/index.ts';
import { createControllers } from '../../src/control/index.ts';
import { LockstepRunner } from '../../src/loop/lockstep.ts';
import { type Verification, verifyTicks } from '../../src/loop/verify.ts';
import { Rng } from '../../src/math/rng.ts';
import {
  ControllerId,
  Mode,
  OperatorKind,
  operatorLayout,
  RequestKind,
  requestLayout,
  Source,
  tickLayout,
} from '../../src/robot/tick.ts';
import { panda } from '../support/loop-rig.ts';

const { spec, model } = panda();
const { layout, inputSize } = tickLayout(spec);
const op = operatorLayout(spec.axes.length);

interface Run {
  readonly memory: Float64Array;
  readonly ticks: Float64Array[];
  readonly requests: Map<number, Float64Array>;
}

/** The real controllers on the simulated arm, driven by a seeded operator; a hold, a lost operator, an e-stop. */
async function drive(
  ticks: number,
  seed: number,
  jitter: boolean,
  sink?: (record: Float64Array) => void,
): Promise<Run> {
  const device = await createLockstepDevice({ robot: spec, entry: spec.devices[0]!, seed });
  device.setEnabled('on');
  const rng = new Rng(seed);
  const asks = new Map<number, [kind: RequestKind, controller?: ControllerId, lease?: number]>([
    [5, [RequestKind.arm]],
    [8, [RequestKind.snapshot]],
    [10, [RequestKind.activate, ControllerId.twist, 1]],
    [400, [RequestKind.activate, ControllerId.jog, 1]],
    [700, [RequestKind.hold]],
    [1000, [RequestKind.activate, ControllerId.twist, 1]],
    // The operator falls silent at 1200, and comes back with a fresh lease.
    [2000, [RequestKind.activate, ControllerId.twist, 2]],
    [2400, [RequestKind.estop]],
    [2700, [RequestKind.clear]],
    [2710, [RequestKind.activate, ControllerId.jog, 2]],
  ]);
  const push = new Float64Array(7);
  let memory: Float64Array | null = null;
  const run = { ticks: [] as Float64Array[], requests: new Map<number, Float64Array>() };
  const runner = new LockstepRunner({
    spec,
    model,
    controllers: createControllers(spec),
    devices: [device],
    ...(jitter ? { jitter: { seed, lateS: 0.0007, chance: 0.03, missed: 4 } } : {}),
    operator: (tick, time, out) => {
      if (tick > 1200 && tick < 1900) return;
      if (tick % 10 !== 0) return;
      if (tick % 150 === 0) for (let i = 0; i < 7; i++) push[i] = rng.uniform(-1, 1);
      out.fill(0);
      out[op.at('seq')] = tick;
      out[op.at('lease')] = tick < 1500 ? 1 : 2;
      out[op.at('time')] = time;
      out[op.at('kind')] =
        tick < 400 || (tick >= 1000 && tick < 2700) ? OperatorKind.twist : OperatorKind.jog;
      out[op.at('enable')] = rng.below(12) > 0 ? 1 : 0;
      out[op.at('speed')] = 1;
      out.set(push, op.at('jog'));
      out.set(push.subarray(0, 6), op.at('twist'));
      out[op.at('gripper')] = push[6]!;
    },
    request: (tick, _time, out) => {
      const ask = asks.get(tick);
      out.fill(0);
      if (tick === 8) memory = runner.cycle.memory.slice();
      if (ask === undefined) return false;
      out[requestLayout.at('kind')] = ask[0];
      out[requestLayout.at('controller')] = ask[1] ?? 0;
      out[requestLayout.at('lease')] = ask[2] ?? 0;
      out[requestLayout.at('source')] = Source.human;
      return true;
    },
  });
  try {
    await runner.run(ticks, (record, request) => {
      sink?.(record);
      if (memory === null) return;
      if (sink === undefined) run.ticks.push(record.slice());
      if (request !== null) run.requests.set(request[requestLayout.at('seq')]!, request.slice());
    });
  } finally {
    device.dispose();
  }
  return { memory: memory!, ...run };
}

const check = (run: Run): Promise<Verification> =>
  verifyTicks({
    spec,
    model,
    controllers: createControllers(spec),
    memory: run.memory,
    ticks: run.ticks,
    request: (seq) => run.requests.get(seq),
  });

test('10 000 ticks of lockstep with the simulated arm: the same bytes twice for one seed, other bytes for another', async () => {
  const hash = async (seed: number, ticks: number): Promise<string> => {
    const sum = createHash('sha256');
    await drive(ticks, seed, false, (record) =>
      sum.update(new Uint8Array(record.buffer, record.byteOffset, record.byteLength)),
    );
    return sum.digest('hex');
  };
  const first = await hash(7, 10_000);
  assert.equal(await hash(7, 10_000), first);
  assert.notEqual(await hash(8, 1000), await hash(7, 1000));
});

test('a run with jitter, missed periods and stops in it is reproduced bit for bit; any flipped bit is named', async () => {
  const run = await drive(3500, 3, true);
  const at = (name: string): number => layout.at(name);
  const modes = new Set(run.ticks.map((x) => x[at('out.mode')]));
  for (const mode of [Mode.holding, Mode.active, Mode.stopping, Mode.stopped])
    assert.ok(modes.has(mode), `mode ${mode}`);
  assert.ok(run.ticks.some((x) => x[at('in.missed')]! > 0));
  const moved = Math.max(...run.ticks.map((x) => Math.abs(x[at('in.q')]! - run.ticks[0]![at('in.q')]!)));
  assert.ok(moved > 0.02, `the arm moved only ${moved} rad`);

  const good = await check(run);
  assert.deepEqual(good, { ok: true, ticks: run.ticks.length, difference: null });

  // One bit of one input, anywhere: found, and its tick named.
  const rng = new Rng(11);
  for (let i = 0; i < 12; i++) {
    const index = rng.below(run.ticks.length);
    const value = 1 + rng.below(inputSize - 1);
    const bit = rng.below(64);
    const tick = run.ticks[index]!;
    const bytes = new Uint8Array(tick.buffer, tick.byteOffset + 8 * value, 8);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const bad = await check(run);
    const where = `bit ${bit} of value ${value} of tick ${tick[0]}`;
    assert.equal(bad.ok, false, where);
    assert.equal(bad.difference!.tick, tick[0], where);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
  assert.ok((await check(run)).ok);

  // An output, the memory, a request, a tick that is missing.
  const victim = run.ticks[777]!;
  const q = at('out.q') + 2;
  victim[q]! += 1e-15;
  const output = await check(run);
  assert.equal(output.difference!.field, 'out.q[2]');
  assert.equal(output.difference!.tick, victim[0]);
  assert.notEqual(output.difference!.recorded, output.difference!.computed);
  victim[q] = output.difference!.computed;
  const seq = [...run.requests.keys()][3]!;
  const request = run.requests.get(seq)!;
  request[requestLayout.at('args') + 500] = 1;
  const asked = await check(run);
  assert.equal(run.ticks.find((x) => x[0] === asked.difference!.tick)![at('in.request.seq')], seq);
  request[requestLayout.at('args') + 500] = 0;
  run.requests.delete(seq);
  assert.match((await check(run)).difference!.why, /was not recorded/);
  run.requests.set(seq, request);
  const [gone] = run.ticks.splice(100, 1);
  assert.match((await check(run)).difference!.why, /missing/);
  run.ticks.splice(100, 0, gone!);
  run.memory[20]! += 1;
  assert.equal((await check(run)).ok, false);
  await assert.rejects(check({ ...run, memory: new Float64Array(3) }), /recorded memory/);
});
