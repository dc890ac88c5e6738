/** What goes wrong on any bus of servos: the scenarios that arms of different makers go through alike. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { LineSetup } from '../../../drivers/bus/emulator/line.ts';
import { openSerialWire } from '../../../drivers/bus/serial-wire.ts';
import { type ArmStand, course, holding, moving, now, until } from './arm-stand.ts';

/** rad/s at which the first joint moves when something goes wrong, and at which it counts as at rest. */
export const SPEED = 0.6;
export const REST = 0.01;

/** What these scenarios look at of a servo. */
export interface Servo {
  readonly angle: number;
  readonly speed: number;
}
type Open<S extends Servo> = (
  options?: Readonly<Record<string, unknown>>,
  line?: Partial<LineSetup>,
) => Promise<ArmStand<S>>;

/** When the first joint came to rest after `at`, and how far it went on, rad. */
export async function stopped<S extends Servo>(
  { emulator }: ArmStand<S>,
  at: number,
): Promise<{ readonly seconds: number; readonly way: number }> {
  const after = course(await emulator.traced(), 0, at);
  const rest = after.find((p) => Math.abs(p.speed) < REST)!;
  const way = Math.max(...after.map((p) => Math.abs(p.angle - after[0]!.angle)));
  return { seconds: rest.time - at, way };
}

/** The cable of an arm that moves is pulled; resolves with when, once a person was told so in `words` and `atRest`. */
export async function pulled<S extends Servo>(
  arm: ArmStand<S>,
  atRest: (servo: S) => boolean,
  words: RegExp,
): Promise<number> {
  const { s, emulator, faults } = arm;
  await holding(arm);
  await moving(arm, SPEED);
  await emulator.trace();
  const at = await emulator.unplug();
  await until('told', () => faults.length > 0);
  await until('at rest', async () => (await arm.servos()).every(atRest));
  s.take();
  assert.ok(!s.has('online') && !s.has('enabled'), 'its state says that nothing is known');
  assert.equal(faults.length, 1);
  assert.match(faults[0]!, words);
  return at;
}

/** It is plugged in again: it does not jump, and goes where the loop wants it by then at its own speed. */
export async function replugged<S extends Servo>(arm: ArmStand<S>): Promise<void> {
  const { s, emulator, notes } = arm;
  const where = (await arm.servos())[0]!.angle;
  await emulator.plug();
  await until('back', () => notes.some((n) => n.includes('answers again: it holds')));
  await s.watch(() => s.has('online') && s.has('enabled'), 10);
  assert.ok(Math.abs((await arm.servos())[0]!.angle - where) < 0.02, 'it did not jump');
  await emulator.trace();
  s.wanted.q[0] = where - 0.5;
  await s.drive(() => Math.abs(s.vector('q')[0]! - (where - 0.5)) < 0.02, 20);
  const fastest = Math.max(...course(await emulator.traced(), 0, 0).map((p) => Math.abs(p.speed)));
  assert.ok(fastest < 1.6 * s.device.spec.axes[0]!.velocity, `${fastest} rad/s`);
}

/** Adapters of FTDI hand answers on this late, ms: torque comes on so slowly then that something can happen meanwhile. */
export const SLOW_ADAPTER = { latencyMs: 16 } as const;

/**
 * An arm behind SLOW_ADAPTER is halted, and switched off, while torque comes on: no more servos get any, those that have it
 * stay where they are (and let go), and afterwards it can be enabled as ever.
 */
export async function endedWhileEnabling<S extends Servo>(
  arm: ArmStand<S>,
  torque: (servo: S) => boolean,
): Promise<void> {
  const { s, emulator } = arm;
  const powered = async (): Promise<boolean[]> => (await arm.servos()).map(torque);
  /** Begins to enable; resolves when the first servo has torque, with what tells how it ended. */
  const begin = async (): Promise<() => Promise<unknown>> => {
    const outcome = s.device.enable().then(
      () => 'enabled',
      (error: { code?: string }) => error.code,
    );
    await until('the first servo has torque', async () => (await powered())[0]!);
    return () => outcome;
  };
  await s.open();
  await emulator.trace();
  const first = await begin();
  await s.device.halt();
  assert.equal(await first(), 'DEVICE_HALTED');
  const on = await powered();
  assert.ok(on[0] && !on.at(-1), `it was ended half-way: ${on}`);
  const from = now();
  await s.drive(
    (time) => time > 0.4,
    10,
    () => {
      s.wanted.q[0] = s.vector('q')[0]! + 0.3;
    },
  );
  assert.ok(!s.has('enabled'), 'half an arm takes no commands');
  assert.deepEqual(await powered(), on, 'nobody else got torque, nobody let go');
  assert.equal(s.device.raw!()!.torque, 'on', 'a calibration knows that some have torque');
  const trace = await emulator.traced();
  for (let i = 0; i < on.length; i++) {
    if (!on[i]) continue;
    const angles = course(trace, i, from).map((p) => p.angle);
    assert.ok(Math.max(...angles) - Math.min(...angles) < 0.01, `servo ${i + 1} has torque and moved`);
  }
  const second = await begin();
  await s.device.disable();
  assert.equal(await second(), 'DEVICE_HALTED');
  assert.ok(
    (await powered()).every((p) => !p),
    'all let go',
  );
  await s.device.enable();
  await s.watch(() => s.has('enabled'), 10);
  assert.ok((await powered()).every((p) => p));
  s.wantHere();
  await moving(arm, SPEED);
}

/** The host of an arm that moves is gone; resolves with when, once it is `atRest`. */
export async function abandoned<S extends Servo>(
  arm: ArmStand<S>,
  atRest: (servo: S) => boolean,
): Promise<number> {
  await holding(arm);
  await moving(arm, SPEED);
  await arm.emulator.trace();
  const at = now();
  await arm.s.device[Symbol.asyncDispose]();
  await until('at rest', async () => (await arm.servos()).every(atRest));
  return at;
}

/** Servo 2, called `name`, starts anew; the others (`holds`) go on holding, and then all can be armed again. */
export async function brownOut<S extends Servo>(
  arm: ArmStand<S>,
  name: string,
  holds: (servo: S) => boolean,
): Promise<void> {
  const { s, faults, notes } = arm;
  await holding(arm);
  await arm.emulator.device({ what: 'brownOut', id: 2 });
  await until('told', () => faults.length > 0);
  assert.match(faults[0]!, new RegExp(`${name} \\(id 2\\) (does not answer|started anew)`));
  await until('back', () => notes.some((n) => n.includes('answers again: its torque is off')));
  await s.watch(() => s.has('online') && !s.has('enabled'), 10);
  const others = (await arm.servos()).filter((_, i) => i !== 1);
  assert.ok(others.every(holds), 'the others have held all the time');
  await s.device.enable();
  await s.watch(() => s.has('enabled'), 10);
}

/** Bytes are lost and wrong for a second while the loop moves the first joint up to `most`; resolves with the trace. */
export async function badLine<S extends Servo>(
  arm: ArmStand<S>,
  most: number,
): Promise<{ readonly trace: number[][]; readonly from: number }> {
  const { s, emulator, faults } = arm;
  await holding(arm);
  await moving(arm, SPEED);
  await emulator.trace();
  await emulator.faults({ flip: 0.05, drop: 0.03 });
  const from = now();
  let goal = s.wanted.q[0]!;
  let last = 0;
  // The loop goes on all the time.
  while (now() < from + 1) {
    const time = now() - from;
    goal = Math.min(goal + SPEED * Math.min(time - last, 0.01), most);
    last = time;
    s.wanted.q[0] = goal;
    s.send();
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  await emulator.faults({ flip: 0, drop: 0 });
  s.take();
  await s.drive(() => s.error() < 0.02 && s.speed() < 0.01, 20);
  assert.deepEqual(faults, []);
  const trace = await emulator.traced();
  const fastest = Math.max(...course(trace, 0, from).map((p) => Math.abs(p.speed)));
  assert.ok(fastest < 1.5 * s.device.spec.axes[0]!.velocity, 'it caught up at its own speed');
  return { trace, from };
}

/**
 * Servo 1, at 0 rad, reports positions that it cannot have, in frames with a right checksum: the arm does not move, and only
 * what stays is told, by `fault`.
 */
export async function liedTo<S extends Servo>(arm: ArmStand<S>, fault: RegExp): Promise<void> {
  const { s, emulator, faults } = arm;
  await holding(arm);
  await emulator.trace();
  let most = 0;
  const look = (): void => {
    most = Math.max(most, Math.abs(s.vector('q')[0]!));
  };
  for (const steps of [600, -900, 1500]) {
    await emulator.device({ what: 'lie', id: 1, value: { steps, answers: 1 } });
    await s.drive((time) => time > 0.15, 10, look);
  }
  assert.ok(most < 0.03, `it was told to be at ${most} rad`);
  assert.deepEqual(faults, []);
  await emulator.device({ what: 'lie', id: 1, value: { steps: 600, answers: 1e9 } });
  await until('told', () => faults.length > 0);
  assert.match(faults[0]!, fault);
  const angles = course(await emulator.traced(), 0, 0).map((p) => p.angle);
  assert.ok(Math.max(...angles) - Math.min(...angles) < 0.02, 'it has not moved');
}

/** Opening fails with that code and words, and nothing moves. */
export async function refuses(arm: ArmStand<Servo>, code: string, pattern: RegExp): Promise<void> {
  await assert.rejects(arm.s.open(), (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  });
  assert.ok(
    (await arm.servos()).every((servo) => Math.abs(servo.speed) < REST),
    'nothing moved',
  );
}

/** What keeps an arm of any maker from opening; `fourth` is the servo with id 4, `others` the ids that are left. */
export function itDoesNotOpen<S extends Servo>(
  open: Open<S>,
  { fourth, others }: { readonly fourth: string; readonly others: string },
): void {
  it('another program has the port', async () => {
    await using arm = await open();
    const other = await openSerialWire({ device: 'other', port: arm.emulator.port, baud: 57_600, now });
    await refuses(arm, 'DEVICE_PORT_TAKEN', /cannot open .*: another program has it open|process \d+/);
    await other.close();
  });

  it('the baud rate is another one, or nobody is there', async () => {
    await using arm = await open({ baud: 57_600 }, { baud: 1_000_000, senseBaud: true });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await refuses(arm, 'DEVICE_SILENT', /nothing on .* answers at 57600 baud \(not a byte came\)/);
  });

  it('a servo is missing', async () => {
    await using arm = await open();
    await arm.emulator.device({ what: 'silent', id: 4, value: true });
    const words = new RegExp(`${fourth} \\(id 4\\) does not answer on .*; ids that answer: ${others}`);
    await refuses(arm, 'DEVICE_SERVO_MISSING', words);
  });
}
