/** Places that the state of a rig is told to: their rate, and what happens when one of them cannot be told. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Outputs } from '../../src/rig/outputs.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { workspace } from '../support/rig-process.ts';
import { pandaRos2 } from '../support/ros-stand.ts';

/** A kind that keeps the times of what it is told, and fails when it is told a time of its options. */
const KIND = `
export const createOutput = ({ entry }) => ({
  open: async () => {},
  publish: ({ time, q }) => {
    if (time >= (entry.options.failsAt ?? Infinity)) throw new Error('the line is cut');
    globalThis.armloopTold.push([entry.name, time, q[0]]);
  },
  [Symbol.asyncDispose]: async () => {
    globalThis.armloopTold.push([entry.name, 'closed']);
  },
});`;

test('outputs are told at their own rates, each tick once, and one that fails is told nothing more', async () => {
  using folder = workspace();
  const kind = join(folder.path, 'kind.mjs');
  writeFileSync(kind, KIND);
  const told: unknown[][] = [];
  (globalThis as unknown as { armloopTold: unknown[][] }).armloopTold = told;
  const robot: RobotSpec = {
    ...pandaRos2,
    outputs: [
      { name: 'slow', kind, rateHz: 10, options: {} },
      { name: 'bad', kind, rateHz: 50, options: { failsAt: 1.5 } },
    ],
  };
  const failures: string[] = [];
  const outputs = await Outputs.open(robot, () => 0);
  outputs.onFailure = (name, reason) => failures.push(`${name}: ${reason}`);
  const fields = new Map([
    ['in.time', new Float64Array(1)],
    ['in.q', new Float64Array(8)],
    ['in.qd', new Float64Array(8)],
    ['in.tau', new Float64Array(8)],
    ['out.tool', new Float64Array(7)],
  ]);
  const tick = { field: (name: string) => fields.get(name)! };
  for (let i = 0; i < 120; i++) {
    fields.get('in.time')![0] = 1 + Math.floor(i / 2) / 60;
    fields.get('in.q')![0] = i;
    outputs.tell(tick);
  }
  const slow = told.filter(([name]) => name === 'slow');
  assert.ok(slow.length >= 9 && slow.length <= 11, `${slow.length} in a second at 10 Hz`);
  const bad = told.filter(([name]) => name === 'bad');
  assert.ok(
    bad.length >= 23 && bad.every(([, time]) => (time as number) < 1.5),
    `${bad.length} before it failed`,
  );
  assert.equal(new Set(bad.map(([, time]) => time)).size, bad.length, 'no tick twice');
  assert.deepEqual(failures, ['bad: the line is cut']);
  await outputs[Symbol.asyncDispose]();
  assert.deepEqual(told.slice(-2), [
    ['slow', 'closed'],
    ['bad', 'closed'],
  ]);
});

test('an output whose kind is none, or that cannot be reached, keeps the rig from starting, in words', async () => {
  using folder = workspace();
  const kind = join(folder.path, 'none.mjs');
  writeFileSync(kind, 'export const nothing = 1;');
  const outputs = [{ name: 'state', kind, rateHz: 10, options: {} }];
  await assert.rejects(
    Outputs.open({ ...pandaRos2, outputs }, () => 0),
    /outputs\.state\.kind .*it exports no createOutput/,
  );
  const ros2 = [{ name: 'state', kind: 'ros2', rateHz: 10, options: { topic: '/x' } }];
  await assert.rejects(
    Outputs.open({ ...pandaRos2, outputs: ros2 }, () => 0),
    /outputs\[0\]\.options/,
  );
});
