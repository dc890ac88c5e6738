import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mode, Reason } from '../../src/robot/tick.ts';
import type { SessionEvent } from '../../src/server/protocol.ts';
import { EventLog } from '../../src/session/events.ts';
import type { TickView } from '../../src/session/host.ts';
import { OperatorGate } from '../../src/session/operator.ts';

const view: TickView = {
  time: 0,
  tick: 0,
  mode: Mode.holding,
  controller: 0,
  fault: 0,
  reasons: 0,
  done: 0,
  epoch: 0,
  seed: 0,
};

test('what the loop reports is told once, in words, and again only after it was away', () => {
  const told: SessionEvent[] = [];
  const log = new EventLog((event) => told.push(event));
  log.see({ ...view, time: 1 });
  assert.match(told.at(-1)!.text, /^Holding\./);
  log.see({ ...view, time: 2, reasons: Reason.workspace | Reason.velocity | Reason.jerk });
  assert.match(told.at(-1)!.text, /^Workspace edge: .*Drive back inside/);
  assert.equal(told.length, 2, 'commonplace limits are not told');
  for (let time = 2; time < 9; time += 0.1) log.see({ ...view, time, reasons: Reason.workspace });
  assert.equal(told.length, 2, 'told once while it lasts');
  log.see({ ...view, time: 12, reasons: Reason.workspace });
  assert.equal(told.length, 3);
  log.see({ ...view, time: 13, mode: Mode.stopping, fault: Reason.deviceLost, reasons: Reason.deviceLost });
  log.see({ ...view, time: 13.1, mode: Mode.stopped, fault: Reason.deviceLost, reasons: Reason.deviceLost });
  const errors = told.filter((e) => e.level === 'error');
  assert.equal(errors.length, 1);
  assert.match(errors[0]!.text, /Stopped: device lost\. .*clear the stop/);
  for (let i = 0; i < 100; i++) log.add(20 + i, 'info', `event ${i}`);
  assert.equal(log.list.length, 50);
  assert.equal(log.list.at(-1)!.text, 'event 99');
});

test('operator input is bounded, stamped, and refused whole when it is malformed', () => {
  const gate = new OperatorGate(8);
  const { layout } = gate;
  const block = new Float64Array(layout.size);
  const set = (name: string, value: number, i = 0): void => {
    block[layout.at(name) + i] = value;
  };
  set('lease', 999);
  set('time', -5);
  set('jog', 7, 3);
  set('twist', -40, 5);
  set('gripper', 1.5);
  set('speed', 9);
  set('pose', 12);
  assert.ok(gate.admit(block, 4, 100));
  const get = (name: string, i = 0): number => block[layout.at(name) + i]!;
  assert.deepEqual(
    [get('lease'), get('time'), get('jog', 3), get('twist', 5), get('gripper'), get('speed'), get('pose')],
    [4, 100, 1, -1, 1, 1, 12],
  );
  set('speed', -1);
  assert.ok(gate.admit(block, 4, 100));
  assert.equal(get('speed'), 0);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const name of ['pose', 'jog', 'seq', 'clientTime', 'kind']) {
      const copy = Float64Array.from(block);
      copy[layout.at(name)] = bad;
      assert.ok(!gate.admit(copy, 4, 100), `${name} = ${bad}`);
    }
  }
  assert.ok(!gate.admit(block.subarray(1), 4, 100));
  assert.ok(!gate.admit(new Float64Array(layout.size + 1), 4, 100));
  assert.ok(!gate.admit(new Float64Array(0), 4, 100));
  assert.equal(gate.refused, 13);
});
