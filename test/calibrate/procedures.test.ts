// @limit 180
/** The procedures, over a real port, on emulated servos that a hand moves. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDevice } from '../../drivers/dynamixel/index.ts';
import { gripperPlan } from '../../src/calibrate/gripper.ts';
import { jointPlan } from '../../src/calibrate/joints.ts';
import type { Plan, Subject } from '../../src/calibrate/procedure.ts';
import type { RobotCalibration } from '../../src/calibrate/robot.ts';
import { type Guide, type RunOptions, runIds, runPlan } from '../../src/calibrate/run.ts';
import type { Entry } from '../../src/calibrate/schema.ts';
import { Stand } from '../conformance/stand.ts';
import { type CalibrationStand, calibrationStand, mounted, now, small } from '../support/calibration.ts';
import { workspace } from '../support/rig-process.ts';

/** Answers `done` to everything, but for what `skips` matches; keeps what was said. */
class Willing implements Guide {
  readonly refused: 'retry' | 'stop';
  readonly said: string[] = [];
  readonly asked: string[] = [];
  readonly #skips: RegExp;

  constructor(refused: 'retry' | 'stop' = 'stop', skips = /$^/) {
    this.refused = refused;
    this.#skips = skips;
  }

  say(text: string): void {
    this.said.push(text);
  }

  async ask(words: string, skippable: boolean): Promise<'done' | 'skip'> {
    this.asked.push(words);
    return skippable && this.#skips.test(words) ? 'skip' : 'done';
  }
}

type Work = (subject: Subject, options: RunOptions) => Promise<readonly Entry[]>;

async function measure(
  stand: CalibrationStand,
  calibration: RobotCalibration,
  guide: Guide,
  work: Work,
): Promise<readonly Entry[]> {
  const { subject, open } = calibration.choose(undefined);
  await using calibrator = open();
  const { emulation } = stand;
  return await work(subject, { subject, calibrator, guide, now, emulation });
}

const gripper = small.axes[2]!;
const joints = { axes: ['joint1', 'joint4'], pose: 'zero', repeats: 2 } as const;
const plan = (make: (subject: Subject) => Plan): Work => {
  return (subject, options) => runPlan(make(subject), options);
};

describe('calibrating an arm whose servos are mounted otherwise than its file says', {
  concurrency: 4,
}, () => {
  it('brings its pose to the true one, within the residual', async () => {
    using folder = workspace();
    await using stand = await calibrationStand();
    const calibration = stand.open(folder.path);
    assert.equal(calibration.devices[0]!.status, 'missing');
    assert.match(calibration.barred!.message, /arm is not calibrated: .* joint1, joint4, gripper/);

    const guide = new Willing();
    const first = await measure(
      stand,
      calibration,
      guide,
      plan((s) => jointPlan(s, joints)),
    );
    calibration.save('joints', first);
    assert.equal(guide.asked.length, 1 + 2 + 4);
    assert.match(guide.asked[0]!, /^Support the arm: torque goes off/);
    assert.equal(calibration.devices[0]!.status, 'missing', 'the gripper is not measured yet');
    const opening = { repeats: 2, opening: null };
    calibration.save(
      'gripper',
      await measure(
        stand,
        calibration,
        guide,
        plan((s) => gripperPlan(s, gripper, opening)),
      ),
    );

    const [state] = calibration.devices;
    assert.equal(state!.status, 'fits');
    assert.equal(calibration.barred, null);
    const [joint1, joint4, jaws] = state!.axes;
    assert.deepEqual([joint1!.direction, joint4!.direction, jaws!.direction], [1, -1, 1]);
    for (const axis of state!.axes) {
      assert.ok(axis.residual !== null && axis.residual < 0.02, `${axis.axis} ${axis.residual}`);
      assert.ok(axis.ageDays !== null && axis.ageDays < 1);
    }

    // Somewhere else: what the driver says with the calibration, and where the emulated joints truly are.
    await stand.emulation.hand!('joint1', -1.234);
    await stand.emulation.hand!('joint4', 1.777);
    await stand.emulation.hand!('gripper', 0.04);
    const device = createDevice({ robot: small, entry: stand.entry, now, ...calibration.of('arm') });
    await using _device = device;
    const s = new Stand(device);
    await s.open();
    await s.watch(() => s.get('seq') > 3, 10);
    const truth = await stand.truth();
    const q = s.vector('q');
    // A hand that finds its place within 4 steps, twice, gives a mean that is at most that far off.
    const steps = [0.0075, 0.0075, 0.0006];
    for (const [i, off] of steps.entries()) {
      assert.ok(Math.abs(q[i]! - truth[i]!) < off, `axis ${i}: ${q[i]} for ${truth[i]}`);
    }
    const raw = device.raw!();
    assert.equal(raw?.torque, 'off');
    assert.equal(raw?.raw.length, 3);
    // Without it, the file's zeros: far off.
    await device[Symbol.asyncDispose]();
    await using uncalibrated = createDevice({ robot: small, entry: stand.entry, now });
    const wrong = new Stand(uncalibrated);
    await wrong.open();
    await wrong.watch(() => wrong.get('seq') > 3, 10);
    assert.ok(Math.abs(wrong.vector('q')[0]! - truth[0]!) > 0.1);
    // A servo whose own zero was changed since gets no torque.
    await uncalibrated[Symbol.asyncDispose]();
    await stand.emulator.device({ what: 'set', id: 4, value: { name: 'homingOffset', to: 77 } });
    await using changed = createDevice({ robot: small, entry: stand.entry, now, ...calibration.of('arm') });
    await new Stand(changed).open();
    await assert.rejects(changed.enable(), /joint4 \(id 4\) had 0 steps as its own zero .* and has 77 now/);
    assert.equal(changed.raw!()?.torque, 'off');
  });

  it('refuses readings that cannot be right, in words, and asks again', async () => {
    using folder = workspace();
    await using stand = await calibrationStand();
    const calibration = stand.open(folder.path);
    const guide = new Willing('retry', /joint4/);
    let slips = 0;
    const { hand } = stand.emulation;
    // The hand comes back to another place the first time, and presses joint1 not far enough.
    const clumsy: CalibrationStand = {
      ...stand,
      emulation: {
        hand: async (axis, position) => {
          const slip =
            axis === 'joint1' && ((position === 0 && slips === 2) || (position > 5 && slips === 6));
          if (axis === 'joint1') slips++;
          await hand!(axis, slip ? 0.2 : position);
        },
      },
    };
    const options = { ...joints, repeats: 2 };
    const entries = await measure(
      clumsy,
      calibration,
      guide,
      plan((s) => jointPlan(s, options)),
    );
    const said = guide.said.join('\n');
    assert.match(said, /CALIBRATION_UNREPEATABLE: joint1 was [\d.]+ rad off/);
    assert.match(said, /CALIBRATION_RANGE: the ends of joint1 cannot be right: it was measured to reach/);
    const skipped = entries.filter((e) => e.axis === 'joint4').map((e) => [e.quantity, e.method]);
    assert.deepEqual(
      skipped.find(([quantity]) => quantity === 'direction'),
      ['direction', 'robot file'],
    );
    assert.deepEqual(skipped.at(-1), ['origin', 'read from the servo']);
    assert.ok(!skipped.some(([quantity]) => quantity === 'low'));
  });

  it('says so when limits reach further than the arm, and when servos would leave their one turn', async () => {
    using folder = workspace();
    const servos = (mounted.options as { servos: Record<string, unknown>[] }).servos;
    const far = {
      ...mounted,
      options: { ...mounted.options, servos: [{ ...servos[0], ratio: 1.1 }, servos[1], servos[2]] },
    };
    await using stand = await calibrationStand(far);
    const calibration = stand.open(folder.path);
    const one = { ...joints, axes: ['joint1'] };
    await assert.rejects(
      measure(
        stand,
        calibration,
        new Willing(),
        plan((s) => jointPlan(s, one)),
      ),
      /the ends of joint1 cannot be right: it was measured to reach -2\.\d+ to 2\.\d+ rad, less than its limits -2\.8 to 2\.8/,
    );
    const [subject] = [calibration.choose('arm').subject];
    const entry = (quantity: Entry['quantity'], value: number): Entry => ({
      device: 'arm',
      axis: 'joint1',
      quantity,
      value,
      unit: 'step',
      method: 'made up',
      date: new Date().toISOString(),
      residual: 0,
      residualUnit: 'rad',
      part: subject.parts[0]!.part,
    });
    const others = (name: string): Entry[] =>
      [entry('zero', 2048), entry('at', 0), entry('direction', 1)].map((e) => ({
        ...e,
        axis: name,
        part: subject.parts.find((p) => p.name === name)!.part,
      }));
    calibration.save('gripper', others('gripper'));
    assert.throws(
      () =>
        calibration.save('joints', [
          entry('zero', 1000),
          entry('at', 0),
          entry('direction', 1),
          ...others('joint4'),
        ]),
      /limits of joint1 are steps -825 to 2825, which takes more than its one turn: mount its horn another way/,
    );
    assert.deepEqual(calibration.store.versions('joints'), [], 'nothing was written');
  });

  it('gives servos their ids one by one, whatever id and rate they have', async () => {
    using folder = workspace();
    await using stand = await calibrationStand();
    const calibration = stand.open(folder.path);
    const guide = new Willing('stop', /joint4/);
    const entries = await measure(stand, calibration, guide, (_, options) => runIds([0, 1, 2], options));
    assert.deepEqual(
      entries.map((e) => [e.axis, e.quantity, e.value]),
      [
        ['joint1', 'id', 1],
        ['joint1', 'baud', 1_000_000],
        ['gripper', 'id', 8],
        ['gripper', 'baud', 1_000_000],
      ],
    );
    assert.match(guide.said[1]!, /^gripper: id 1 at 57600 baud is id 8 at 1000000 baud now, read back\.$/);
    assert.match(guide.said.at(-1)!, /Every servo of the robot file answers/);
    // The wrong one, and none.
    const wrong = { ...stand, emulation: { connect: () => stand.emulation.connect!('gripper') } };
    await assert.rejects(
      measure(wrong, calibration, new Willing(), (_, options) => runIds([0], options)),
      /joint1 is to be a xm540-w270, but what answers is id 1 at 57600 baud \(xm430-w210\)/,
    );
  });

  it('names nothing where one servo alone was to be and is not, each in its own words', async () => {
    using folder = workspace();
    await using stand = await calibrationStand(mounted, { senseBaud: true });
    const calibration = stand.open(folder.path);
    const { emulator, emulation } = stand;
    const name = (axes: readonly number[], connect: () => Promise<unknown>): Promise<readonly Entry[]> => {
      const here = { ...stand, emulation: { connect: async () => void (await connect()) } };
      return measure(here, calibration, new Willing(), (_, options) => runIds(axes, options));
    };
    // The chain as it is: the id of joint4 is there already.
    await assert.rejects(
      name([1], () => emulation.connect!(null)),
      /id 4 at 1000000 baud, which joint4 is to have, is taken: on the line are id 1 at .*, id 4 at .*, id 8 at/,
    );
    // Two of another id.
    await emulator.device({ what: 'set', id: 4, value: { name: 'id', to: 9 } });
    await emulator.device({ what: 'silent', id: 8, value: true });
    await assert.rejects(
      name([1], () => emulation.connect!(null)),
      /2 servos answer where that of joint4 was to be alone: id 1 at 1000000 baud \(xm540-w270\), id 9 at/,
    );
    // Two with one id: they say the same to a ping, and stand elsewhere.
    await emulator.device({ what: 'set', id: 9, value: { name: 'id', to: 1 } });
    await assert.rejects(
      name([1], () => emulation.connect!(null)),
      /what answers for joint4 is id 1 at 1000000 baud \(xm540-w270\), but what it is asked for arrives damaged/,
    );
    // Nobody, whatever the rate.
    await assert.rejects(
      name([0], async () => {
        await emulation.connect!('joint1');
        await emulator.device({ what: 'silent', id: 1, value: true });
      }),
      /no servo answers for joint1, at any baud rate/,
    );
    // The EEPROM of the gripper's servo keeps nothing: not its id, nor its rate where the id is right already.
    const worn = async (set: object | null): Promise<void> => {
      await emulation.connect!('gripper');
      if (set !== null) await emulator.device({ what: 'set', id: 1, value: set });
      for (const id of [1, 8]) await emulator.device({ what: 'silent', id, value: false }).catch(() => {});
      await emulator.device({ what: 'worn', value: true });
    };
    await assert.rejects(
      name([2], () => worn(null)),
      /the servo of gripper was told id 8, which did not hold: it still has id 1 at 57600 baud/,
    );
    await assert.rejects(
      name([2], () => worn({ name: 'id', to: 8 })),
      /the servo of gripper was told 1000000 baud, which did not hold: it still has id 8 at 57600 baud/,
    );
  });
});
