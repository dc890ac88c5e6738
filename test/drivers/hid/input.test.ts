/** An input on a HID port: found when it is plugged in, let go when it falls silent or is pulled out. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inputOn, tools } from '../../../drivers/hid/index.ts';
import { inputTools } from '../../../drivers/hid/tools.ts';
import { ArmloopError } from '../../../src/errors.ts';
import { monotonicClock } from '../../../src/loop/clock.ts';
import type { InputEntry } from '../../../src/robot/spec.ts';
import { BytePorts, COMPACT } from '../../support/hid-bytes.ts';
import { spec } from '../../support/scripted-rig.ts';

const now = monotonicClock();
const FORWARD = '01 00 00 A2 FE 00 00';

function stand(options: Readonly<Record<string, unknown>> = {}) {
  const ports = new BytePorts();
  const entry: InputEntry = {
    name: 'mouse',
    kind: 'spacemouse',
    options,
    frame: 'base',
    speed: 1,
    buttons: null,
  };
  const input = inputOn(ports, 'spacemouse', { robot: spec, entry, now });
  const told: string[] = [];
  input.onFound = (words) => told.push(`found: ${words}`);
  input.onLost = (reason) => told.push(`lost: ${reason}`);
  input.onReading = ({ enable, twist }) => told.push(`${enable === 1 ? 'held' : 'free'} ${twist[0]}`);
  return { ports, input, told };
}

async function until(what: string, done: () => boolean): Promise<void> {
  const end = now() + 60;
  while (!done()) {
    assert.ok(now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('an input', () => {
  it('is found when it is plugged in later, and again after it was pulled out', async () => {
    const { ports, input, told } = stand();
    await input.open();
    assert.deepEqual(told, ['lost: no spacemouse is connected']);
    ports.devices = [{ ...COMPACT, product: 0xc52b }, COMPACT];
    await until('found', () => told.includes('found: SpaceMouse Compact'));
    ports.report(FORWARD);
    assert.equal(told.at(-1), 'held 1');
    ports.unplug();
    assert.deepEqual(told.slice(-2), ['free 0', 'lost: it was unplugged'], 'let go before it is lost');
    ports.devices = [COMPACT];
    await until('found again', () => told.at(-1) === 'found: SpaceMouse Compact');
    await input[Symbol.asyncDispose]();
    assert.ok(!ports.connected);
  });

  it('that is held and falls silent counts as let go', async () => {
    const { ports, input, told } = stand({ silenceMs: 60 });
    ports.devices = [COMPACT];
    await input.open();
    ports.report(FORWARD);
    await until('let go', () => told.at(-1) === 'free 0');
    ports.report(FORWARD);
    assert.equal(told.at(-1), 'held 1', 'and goes on when it is heard again');
    ports.report('01 00 00 00 00 00 00');
    await input[Symbol.asyncDispose]();
    assert.equal(told.at(-1), 'free 0');
  });

  it('that may not be opened says how to allow it, once', async () => {
    const { ports, input, told } = stand();
    ports.devices = [COMPACT];
    ports.refusal = 'Permission denied';
    await input.open();
    assert.match(
      told.join(),
      /^lost: \/dev\/hidraw7 cannot be opened \(Permission denied\): docs\/hardware\/input/,
    );
    ports.refusal = null;
    await until('found', () => told.at(-1) === 'found: SpaceMouse Compact');
    assert.equal(told.length, 2);
    await input[Symbol.asyncDispose]();
  });

  it('has another interface beside the one that reports', async () => {
    const { ports, input, told } = stand();
    ports.devices = [{ ...COMPACT, path: '/dev/hidraw6', usage: 0x1_0006 }];
    await input.open();
    assert.deepEqual(told, ['lost: no spacemouse is connected']);
    await input[Symbol.asyncDispose]();
  });

  it('with settings that cannot be is refused by name', () => {
    assert.throws(() => stand({ deadZone: 2 }), /input\.options\.deadZone is 2/);
    assert.throws(() => stand({ sensitivity: 2 }), /sensitivity/);
  });
});

describe('tools of inputs', () => {
  it('list what is connected and print what it says', async () => {
    const { ports, input } = stand();
    ports.devices = [COMPACT, { ...COMPACT, vendor: 1, product: 2 }];
    const lines: string[] = [];
    let interrupt = (): void => {};
    const context = {
      print: (line: string) => void lines.push(line),
      now,
      robot: () => spec,
      interrupted: new Promise<void>((resolve) => {
        interrupt = resolve;
      }),
    };
    const mine = inputTools(ports, () => input);
    await mine['list']!.run([], context);
    assert.deepEqual(lines, ['spacemouse: SpaceMouse Compact at /dev/hidraw7']);
    const watched = mine['watch']!.run(['spacemouse'], context);
    await until('there', () => lines.at(-1) === 'there: SpaceMouse Compact');
    ports.report('03 02');
    assert.equal(lines.at(-1), 'twist 0.00 0.00 0.00 0.00 0.00 0.00, gripper 1, deadman held, buttons 1');
    interrupt();
    await watched;
    await assert.rejects(mine['watch']!.run(['mouse'], context), /mouse is no kind of input/);
  });

  it('ask the system through node-hid, or say what it lacks', async () => {
    const lines: string[] = [];
    const context = {
      print: (line: string) => void lines.push(line),
      now,
      robot: () => spec,
      interrupted: Promise.resolve(),
    };
    const listed = tools['list']!.run([], context).then(
      () => 'listed',
      (error: Error & { code?: string }) => error.code,
    );
    // A bare system has no libusb, without which node-hid does not load.
    if ((await listed) === 'listed') assert.ok(lines.length > 0);
    else assert.equal(await listed, 'INPUT_UNAVAILABLE');
  });

  it('that cannot ask the system say so once, with what to install', async () => {
    const { ports, input, told } = stand();
    ports.list = async () => {
      throw new ArmloopError('INPUT_UNAVAILABLE', {
        reason: 'libusb-1.0.so.0: cannot open shared object file',
      });
    };
    await input.open();
    assert.match(
      told.join(),
      /^lost: inputs cannot be read on this system: libusb.*apt install libusb-1\.0-0/,
    );
    await input[Symbol.asyncDispose]();
  });
});
