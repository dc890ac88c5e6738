/** An input at the rig as the session has it: whose lease it drives under, its deadman, its buttons, its end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import type { InputReading } from '../../src/robot/input.ts';
import type { InputEntry } from '../../src/robot/spec.ts';
import {
  ControllerId,
  Mode,
  OperatorKind,
  operatorLayout,
  RequestKind,
  Source,
} from '../../src/robot/tick.ts';
import { Session } from '../../src/session/session.ts';
import { PaperRig } from '../support/paper-rig.ts';

const code = (wanted: string) => (error: unknown) => error instanceof ArmloopError && error.code === wanted;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const RECORD = 1 << 0;
const INTERVENE = 1 << 3;

function open(changes: Partial<InputEntry> = {}) {
  const input: InputEntry = {
    name: 'mouse',
    kind: 'spacemouse',
    options: {},
    frame: 'base',
    speed: 0.5,
    buttons: null,
    ...changes,
  };
  const rig = new PaperRig({ ...new PaperRig().spec, input });
  rig.input = {
    name: 'mouse',
    kind: 'spacemouse',
    buttons: [
      { button: 0, does: 'record' },
      { button: 3, does: 'intervene' },
    ],
  };
  const session = new Session(rig);
  session.input!.found('SpaceMouse Pro');
  const op = operatorLayout(rig.spec.axes.length);
  const reading: InputReading = { time: 0, twist: new Float64Array(6), gripper: 0, enable: 0, buttons: 0 };
  const read = (change: Partial<Omit<InputReading, 'twist'>> & { vx?: number } = {}): void => {
    const { vx, ...rest } = change;
    rig.time += 0.016;
    Object.assign(reading, rest, { time: rig.time });
    if (vx !== undefined) reading.twist[0] = vx;
    session.input!.read(reading);
  };
  return {
    rig,
    session,
    read,
    /** One field of the operator input that the loop got last. */
    sent: (field: string): number => rig.inputs.at(-1)![op.at(field)]!,
    events: (): string[] => session.state().events.map((e) => e.text),
    who: (): string | undefined => session.state().lease?.operator,
    press: async (buttons: number): Promise<void> => {
      // A contact that bounces is none: longer apart than that.
      rig.time += 0.1;
      read({ buttons });
      rig.time += 0.1;
      read({ buttons: 0 });
      await settled();
      await settled();
    },
    take: async (): Promise<number> =>
      ((await session.request('lease.take', { client: 1, operator: 'Ada' }, 1)) as { lease: number }).lease,
  };
}

describe('an input', () => {
  it('takes control when its deadman is pressed, and drives the tool as operator input of its own lease', async () => {
    const s = open({ frame: 'tool' });
    s.read({ vx: 0.8 });
    assert.equal(s.who(), undefined, 'moved without its deadman it has no say');
    assert.equal(s.rig.inputs.length, 0);
    s.read({ enable: 1, vx: 0.8, gripper: -1 });
    await settled();
    assert.equal(s.who(), 'mouse');
    const { kind, controller, source, lease } = s.rig.asked.at(-1)!;
    assert.deepEqual([kind, controller, source], [RequestKind.activate, ControllerId.twist, Source.human]);
    assert.equal(lease, s.session.leaseId);
    s.read({ vx: 0.9 });
    assert.equal(s.sent('lease'), s.session.leaseId);
    assert.equal(s.sent('time'), s.rig.time, 'stamped on its arrival, as everybody');
    assert.deepEqual(['kind', 'enable', 'frame', 'speed', 'twist', 'gripper'].map(s.sent), [
      OperatorKind.twist,
      1,
      1,
      0.5,
      0.9,
      -1,
    ]);
    const seq = s.sent('seq');
    s.session.tick();
    assert.ok(s.sent('seq') > seq, 'a sign of life when nothing is reported');
    s.read({ enable: 0, vx: 0 });
    assert.deepEqual([s.sent('enable'), s.sent('twist')], [0, 0]);
  });

  it('passes the gate: what is not finite is not handed on, what is too much is bounded', async () => {
    const s = open();
    s.read({ enable: 1, vx: 7 });
    await settled();
    s.read({ vx: 7 });
    assert.equal(s.sent('twist'), 1);
    const before = s.rig.inputs.length;
    s.read({ vx: Number.NaN });
    assert.equal(s.rig.inputs.length, before);
    assert.equal(s.session.refusedInputs, 1);
  });

  it('let go for a while it gives control back, and the arm holds', async () => {
    const s = open();
    s.read({ enable: 1 });
    await settled();
    s.read({ enable: 0 });
    for (let i = 0; i < 60; i++) {
      s.rig.time += 0.08;
      s.session.tick();
    }
    assert.equal(s.who(), 'mouse', 'a short rest keeps it');
    for (let i = 0; i < 10; i++) {
      s.rig.time += 0.08;
      s.session.tick();
    }
    assert.equal(s.who(), undefined);
    assert.equal(s.rig.view.mode, Mode.holding);
    s.read({ enable: 1 });
    await settled();
    assert.equal(s.who(), 'mouse', 'pressed again it drives again');
  });

  it('pressed anew while it gives control back, it drives again when the arm holds', async () => {
    const s = open();
    s.read({ enable: 1 });
    await settled();
    const lease = s.session.leaseId;
    s.read({ enable: 0 });
    s.session.input!.stop();
    s.rig.view.mode = Mode.stopping;
    s.read({ enable: 1, vx: 1 });
    assert.deepEqual(['enable', 'twist'].map(s.sent), [0, 0], 'not before');
    s.rig.view.mode = Mode.holding;
    s.session.tick();
    await settled();
    assert.equal(s.who(), 'mouse');
    assert.ok(s.session.leaseId > lease);
    assert.equal(s.rig.asked.at(-1)!.controller, ControllerId.twist);
  });

  it('pulled out while it was held, it drives again only when it was let go and pressed anew', async () => {
    const s = open();
    s.read({ enable: 1, vx: 1 });
    await settled();
    // What a driver does: the reading of one that nobody touches, then the loss.
    s.read({ enable: 0, vx: 0 });
    s.session.input!.lose('it was unplugged');
    s.session.tick();
    s.session.input!.found('SpaceMouse Pro');
    s.read({ enable: 1, vx: 1 });
    s.session.tick();
    await settled();
    assert.equal(s.who(), undefined, 'a plug that slips is no press');
    assert.equal(s.rig.view.mode, Mode.holding);
    s.read({ enable: 0, vx: 0 });
    s.read({ enable: 1, vx: 1 });
    await settled();
    assert.equal(s.who(), 'mouse');
  });

  it('does nothing during a shutdown: neither its deadman nor its buttons', async () => {
    const s = open();
    s.session.retire();
    s.rig.done.length = 0;
    s.read({ enable: 1, vx: 1 });
    await settled();
    await s.press(INTERVENE);
    await s.press(RECORD);
    assert.equal(s.who(), undefined);
    assert.deepEqual(s.rig.done, []);
    assert.match(s.events().join('\n'), /does not drive: .*being shut down/);
  });

  it('lost, it lets go, the arm holds, and it keeps nothing', async () => {
    const s = open();
    s.read({ enable: 1, vx: 1 });
    await settled();
    const lease = s.session.leaseId;
    s.session.input!.lose('it was unplugged');
    assert.equal(s.rig.asked.at(-1)!.kind, RequestKind.hold);
    assert.deepEqual(['lease', 'enable', 'twist'].map(s.sent), [lease, 0, 0], 'let go at once');
    s.rig.view.mode = Mode.stopping;
    s.session.tick();
    assert.equal(s.who(), 'mouse', 'while the arm brakes nobody is lost');
    s.rig.view.mode = Mode.holding;
    s.session.tick();
    assert.equal(s.who(), undefined);
    assert.deepEqual([s.sent('enable'), s.sent('lease')], [0, 0], 'nobody drives');
    assert.ok(s.events().some((e) => e === 'The input mouse is not there: it was unplugged. The arm holds.'));
  });

  it('has no say while somebody else has control, and says who has', async () => {
    const s = open();
    await s.take();
    const before = s.rig.inputs.length;
    s.read({ enable: 1, vx: 1 });
    await settled();
    assert.equal(s.rig.inputs.length, before);
    assert.match(s.events().at(-1)!, /The input mouse does not drive: .*Ada has control/);
  });

  it('that the loop refuses gives control back and says why', async () => {
    const s = open();
    s.rig.answer = 'refuses';
    s.read({ enable: 1 });
    await settled();
    await settled();
    assert.equal(s.who(), undefined);
    assert.ok(s.events().some((e) => /The input mouse does not drive: REQUEST_REFUSED/.test(e)));
  });

  it('keeps others from control while it drives; a stop that anybody asks for ends its drive', async () => {
    const s = open();
    s.read({ enable: 1 });
    await settled();
    await assert.rejects(s.take(), code('LEASE_TAKEN'));
    await s.session.request('estop', {}, 1);
    s.session.tick();
    assert.equal(s.session.input!.drives, false);
    assert.equal(s.who(), undefined);
  });

  it('held through a stop, it does not drive again before it was let go', async () => {
    const s = open();
    s.read({ enable: 1, vx: 1 });
    await settled();
    // The rig's main thread stood still: the lease ends as that of any silent operator.
    s.rig.time += 2;
    s.session.tick();
    assert.equal(s.who(), undefined);
    s.read({ enable: 1, vx: 1 });
    await settled();
    assert.equal(s.who(), undefined);
    s.read({ enable: 0, vx: 0 });
    s.read({ enable: 1, vx: 1 });
    await settled();
    assert.equal(s.who(), 'mouse');
  });
});

describe('buttons of an input', () => {
  it('record in its own name with nobody in control', async () => {
    const s = open();
    await s.press(RECORD);
    assert.ok(
      s.rig.done.some((d) => /^record .* by mouse$/.test(d)),
      s.rig.done.join('; '),
    );
  });

  it('intervene: it takes over from a policy under the lease in force, and gives back to it', async () => {
    const s = open();
    const lease = await s.take();
    await s.session.request('policy.deploy', { lease, policy: 'good' }, 1);
    await s.press(INTERVENE);
    assert.deepEqual(
      [s.rig.asked.at(-1)!.controller, s.rig.asked.at(-1)!.lease],
      [ControllerId.twist, lease],
    );
    assert.equal(s.who(), 'Ada');
    s.read({ enable: 1, vx: 0.3 });
    assert.deepEqual([s.sent('lease'), s.sent('twist')], [lease, 0.3]);
    // What Ada's page sends meanwhile only says that she is there.
    const idle = s.session.nobody();
    s.session.operate({ connection: 1, client: 1 }, idle);
    assert.equal(s.sent('twist'), 0.3);
    await s.press(INTERVENE);
    assert.equal(s.rig.asked.at(-1)!.controller, ControllerId.policy);
    s.session.tick();
    assert.equal(s.session.input!.drives, false);
    assert.equal(s.who(), 'Ada');
  });

  it('do what the robot file says instead', async () => {
    const s = open({ buttons: [{ button: 5, does: 'record' }] });
    await s.press(RECORD);
    assert.ok(!s.rig.done.some((d) => d.startsWith('record')));
    await s.press(1 << 5);
    assert.ok(s.rig.done.some((d) => d.startsWith('record')));
  });
});
