import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createControllers } from '../../src/control/index.ts';
import { LockstepRunner } from '../../src/loop/lockstep.ts';
import { verifyTicks } from '../../src/loop/verify.ts';
import { Graph } from '../../src/nn/graph.ts';
import { add, cast, mean, reshape } from '../../src/nn/ops.ts';
import type { PolicyManifest } from '../../src/policy/manifest.ts';
import { PolicyRunner } from '../../src/policy/runner.ts';
import { cellParts } from '../../src/rig/cell-parts.ts';
import {
  ControllerId,
  Mode,
  operatorLayout,
  Reason,
  RequestKind,
  requestLayout,
  Source,
  tickRecordLayout,
} from '../../src/robot/tick.ts';
import { cellSpec, LockstepCell } from '../../src/session/cell.ts';
import { PolicyDriver } from '../../src/session/policy-driver.ts';
import { allClose } from '../support/close.ts';
import { IdealDevice, panda } from '../support/loop-rig.ts';
import { jointManifest, towards, writeBundle } from '../support/policy.ts';

const { spec, model } = panda();
const N = spec.axes.length;
const HOME = Float64Array.from(spec.axes, (a) => a.home);
const TARGET = HOME.map((x, a) => x + (a < 7 ? 0.3 : -0.03));
const layout = tickRecordLayout(spec);
const folder = mkdtempSync(join(tmpdir(), 'armloop-driver-'));
after(() => rmSync(folder, { recursive: true }));
let made = 0;

const open = (m: PolicyManifest, graph: Graph): Promise<PolicyRunner> =>
  PolicyRunner.open(writeBundle(join(folder, `${++made}`), m, graph), { spec });

interface Run {
  readonly records: Float64Array[];
  readonly driver: PolicyDriver;
  readonly requests: Map<number, Float64Array>;
  readonly memory: Float64Array;
  readonly get: (i: number, field: string) => number;
  readonly q: (i: number) => Float64Array;
}

/** Runs a policy on an ideal arm for so many ticks. `hold`: ticks at which it is told to hold. */
async function run(runner: PolicyRunner, ticks: number, options: { latencyMs?: number } = {}): Promise<Run> {
  const driver = new PolicyDriver(runner, options);
  const operator = operatorLayout(N);
  const records: Float64Array[] = [];
  const requests = new Map<number, Float64Array>();
  const last = new Float64Array(layout.size);
  const at = { mode: layout.at('out.mode'), seq: layout.at('in.request.seq') };
  const scene = { spec, seed: 3, time: 1, bodies: [], poses: new Float64Array(0), q: HOME, look: () => {} };
  await driver.begin({ ...scene, task: null as never, rows: null as never });
  const lockstep = new LockstepRunner({
    spec,
    model,
    controllers: createControllers(spec),
    devices: [new IdealDevice(spec)],
    producers: [...driver.producers],
    operator: (tick, time, out) => {
      out[operator.at('seq')] = tick + 1;
      out[operator.at('lease')] = 1;
      out[operator.at('time')] = time;
    },
    request: (tick, _time, out) => {
      out.fill(0);
      out[requestLayout.at('lease')] = 1;
      if (last[at.mode] === Mode.connected) {
        out[requestLayout.at('kind')] = RequestKind.arm;
        return true;
      }
      return last[at.mode]! >= Mode.holding && driver.request(tick, last, out);
    },
  });
  const memory = lockstep.cycle.memory.slice();
  await lockstep.run(ticks, (record, request) => {
    last.set(record);
    records.push(record.slice());
    if (request !== null) requests.set(record[at.seq]!, request.slice());
  });
  return {
    records,
    driver,
    requests,
    memory,
    get: (i, field) => records.at(i)![layout.at(field)]!,
    q: (i) => layout.view(records.at(i)!, 'out.q'),
  };
}

test('drives the arm to where it wants, with its source in every tick, and verifies bit for bit', async () => {
  await using runner = await open(jointManifest(spec), towards(TARGET, 8, 0.02));
  const done = await run(runner, 2500);
  allClose(done.q(-1), TARGET, { atol: 2e-3 });
  const { records } = done;
  const first = records.findIndex((r) => r[layout.at('out.controller')] === ControllerId.policy);
  assert.ok(first > 0 && first < 10);
  for (const [i, r] of records.entries()) {
    if (i < first) continue;
    assert.equal(r[layout.at('out.source')], Source.policy, `tick ${i}`);
    assert.equal(r[layout.at('out.mode')], Mode.active);
    assert.equal(r[layout.at('out.reasonAll')]! & Reason.underrun, 0, `tick ${i}`);
    assert.equal(r[layout.at('in.row.start')], records[first]![layout.at('in.time')]);
  }
  // A chunk per 4 steps of 50 ms, each in effect 20 ms after its observation.
  const chunkAt = (n: number): number => records.findIndex((r) => r[layout.at('in.row.chunk')] === n);
  for (const n of [1, 2, 3]) {
    const time = records[chunkAt(n)]![layout.at('in.time')]! - records[first]![layout.at('in.time')]!;
    assert.ok(Math.abs(time - ((n - 1) * 0.2 + 0.02)) < 1.5e-3, `chunk ${n} at ${time}`);
  }
  assert.equal(done.driver.status!.refused, 0);
  assert.equal(done.driver.status!.underruns, 0);

  const { spec: s, model: k } = panda();
  const check = await verifyTicks({
    spec: s,
    model: k,
    controllers: createControllers(s),
    memory: done.memory,
    ticks: records,
    request: (seq) => done.requests.get(seq),
  });
  assert.deepEqual(check.difference, null);
  assert.equal(check.ticks, records.length);
});

test('one seed, one motion; in every execution mode the arm comes to rest at the target', async () => {
  for (const execution of ['asynchronous', 'ensemble', 'synchronous'] as const) {
    const m = jointManifest(spec);
    await using runner = await open(
      { ...m, chunk: { ...m.chunk, execution, every: execution === 'ensemble' ? 1 : 4 } },
      towards(TARGET, 8, 0.03),
    );
    const done = await run(runner, 3000);
    allClose(done.q(-1), TARGET, { atol: 5e-3, what: execution });
    assert.equal(done.driver.status!.underruns, 0, execution);
    const again = await run(runner, 3000);
    assert.deepEqual(again.records.at(-1), done.records.at(-1), execution);
  }
});

test('tool actions go through the inverse kinematics; what is out of reach is refused by step and place', async () => {
  const m = jointManifest(spec);
  const start = new Float64Array(7);
  model.pose(HOME, model.tool, start);
  const toolManifest = (x: number): [PolicyManifest, Graph] => {
    const g = new Graph();
    const nine = [start[0]! + x, start[1]! + x, start[2]! - x, 1, 0, 0, 0, -1, 0, 0.05];
    const goal = g.constant(
      Float32Array.from({ length: 80 }, (_, i) => nine[i % 10]!),
      [1, 8, 10],
    );
    const nothing = mean(g.input('state', [1, 1, N]), [2], { keepDims: true });
    const zero = g.constant(Float32Array.of(0), [1, 1, 1]);
    g.output('action', add(goal, add(nothing, zero)));
    const size = { size: 10, units: 'm m m 1 1 1 1 1 1 m'.split(' ') };
    // The state only gives the graph an input: its mean is taken away again by the normaliser.
    const features = [{ field: 'in.task.reward', encode: 'raw', unit: '1', width: 1 }] as const;
    const input = { ...m.inputs[0]!, features: Array.from({ length: N }, () => ({ ...features[0] })) };
    const action = { ...m.action, space: 'tool', ...size } as const;
    return [{ ...m, inputs: [input] as PolicyManifest['inputs'], action }, g];
  };
  {
    await using runner = await open(...toolManifest(0.05));
    const done = await run(runner, 4000);
    const pose = new Float64Array(7);
    model.pose(done.q(-1), model.tool, pose);
    allClose(pose.subarray(0, 3), [start[0]! + 0.05, start[1]! + 0.05, start[2]! - 0.05], { atol: 1e-4 });
    allClose([done.q(-1)[7]!], [0.05], { atol: 1e-4 });
  }
  await using runner = await open(...toolManifest(1.5));
  const done = await run(runner, 700);
  assert.equal(done.driver.status!.chunks, 0);
  assert.match(
    done.driver.status!.problem,
    /step 0 of the chunk puts the tool at .* m, out of reach by \d+ mm/,
  );
  allClose(done.q(-1), HOME, { atol: 1e-9, what: 'nothing of it is followed' });
});

test('a chunk that comes late makes the arm brake and say so; the next one is joined', async () => {
  const m = jointManifest(spec);
  // 0.45 s of chunk, and the next comes 0.7 s after its observation.
  await using runner = await open(m, towards(TARGET, 8, 0.02));
  const done = await run(runner, 4000, { latencyMs: 700 });
  assert.equal(done.driver.status!.chunks, 0);
  assert.match(
    done.driver.status!.problem,
    /it came 700 ms after its observation, when all its steps were past/,
  );
  assert.equal(done.get(-1, 'out.mode'), Mode.stopped, 'it gave up');
  assert.equal(done.get(-1, 'out.fault'), Reason.controllerFault);

  // Each chunk is good for 150 ms, then the arm waits as long again.
  const slow = await run(runner, 12_000, { latencyMs: 300 });
  assert.ok(slow.driver.status!.underruns > 10, `${slow.driver.status!.underruns}`);
  assert.equal(slow.get(-1, 'out.mode'), Mode.active);
  allClose(slow.q(-1), TARGET, { atol: 0.02, what: 'it gets there all the same' });
});

test('in a cell: frames by capture time, the same episode twice', async () => {
  const m = jointManifest(spec);
  const robot = cellSpec(spec, { task: 'reach', cameras: ['front_small'] });
  const g = new Graph();
  const image = cast(g.input('image', [1, 2, 32, 32, 3], 'uint8'), 'float32');
  const level = mean(reshape(image, [1, 1, 2 * 32 * 32 * 3]), [2], { keepDims: true });
  const still = mean(g.input('state', [1, 2, N]), [1], { keepDims: true });
  const scale = g.constant(new Float32Array(8 * N), [1, 8, N]);
  g.output('action', add(add(scale, still), reshape(level, [1, 1, 1])));
  const picture = { kind: 'image', name: 'image', camera: 'front_small', width: 32, height: 32 } as const;
  const bundle = writeBundle(
    join(folder, 'cell'),
    {
      ...m,
      observation: { steps: 2, maxAgeMs: 200 },
      inputs: [...m.inputs, { ...picture, encoding: 'uint8-hwc' }],
      // The picture is felt, and the joints stay within their range.
      action: {
        ...m.action,
        normaliser: { method: 'mean-std', offset: Array(N).fill(-0.1), scale: Array(N).fill(0.001) },
      },
    },
    g,
  );
  await using runner = await PolicyRunner.open(bundle, { spec: robot });
  await using cell = await LockstepCell.open({ spec: robot, parts: cellParts });
  const driver = new PolicyDriver(runner);
  const once = async (seed: number) => {
    const outcome = await cell.run({ seed, driver, limits: { timeS: 0.9 } });
    return { outcome, status: { ...driver.status!, inferenceMs: 0 }, actions: runner.actions.slice() };
  };
  const first = await once(4);
  assert.ok(first.status.chunks >= 3, JSON.stringify(first.status));
  const other = await once(5);
  assert.notDeepEqual(other.actions, first.actions, 'another scene is seen');
  assert.deepEqual(await once(4), first);
});
