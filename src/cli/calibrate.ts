/** `armloop calibrate`: motor ids one by one, joint zeros and reach, the gripper's opening; with plain prompts. */
import { createInterface, type Interface } from 'node:readline';
import type { Command } from 'commander';
import { Argument, Option } from 'commander';
import type { RobotCalibration } from '../calibrate/robot.ts';
import type { Guide, RunOptions } from '../calibrate/run.ts';
import type { Entry } from '../calibrate/schema.ts';
import { ArmloopError } from '../errors.ts';
import type { Emulation } from '../robot/device.ts';
import { positive, whole } from './arguments.ts';
import { describeAxes, describeCalibration, describeEntries } from './calibration-text.ts';
import { examples, print, robotFile, workspaceOption } from './common.ts';

type What = 'ids' | 'joints' | 'gripper' | 'leader';

interface Options {
  readonly workspace: string;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly device?: string;
  readonly axis?: readonly string[];
  readonly pose: 'zero' | 'home';
  readonly repeats: number;
  readonly opening?: number;
}

export function addCalibrate(program: Command): void {
  const command = program
    .command('calibrate')
    .summary('measure zeros, directions and reach of a real arm')
    .description(
      'Sets servos up and measures an arm by hand, torque off. Without a procedure: what is measured, and what is missing. ' +
        'Each prompt is answered by Enter (done), s (skip) or q (quit); answers may come from a pipe, one a line.',
    )
    .argument('<robot>', 'robot file, or the name of one that comes with armloop')
    .addArgument(
      new Argument(
        '[what]',
        'ids: give servos ids and rates. joints: zeros, directions, reach. gripper: its opening. leader: which way it counts, and its offset from the arm',
      ).choices(['ids', 'joints', 'gripper', 'leader']),
    )
    .addOption(workspaceOption())
    .option(
      '--dry-run',
      'on emulated hardware, by an emulated hand; kept apart from the calibration of the real arm',
    )
    .option('--yes', 'with --dry-run: every prompt is answered by itself')
    .option('--device <name>', 'which device of the robot file, where several can be measured')
    .option('--axis <names...>', 'only these axes; the others keep what was measured before')
    .addOption(
      new Option('--pose <pose>', 'joints: reference pose; zero is home where 0 is outside of the limits')
        .choices(['zero', 'home'])
        .default('zero'),
    )
    .option('--repeats <n>', 'how often a place is taken', whole(2), 2)
    .option('--opening <m>', 'gripper: opening when wide open, measured with a calliper, m', positive);
  examples(command, [
    ['armloop calibrate my-arm.yaml', 'what is measured, and what is missing'],
    ['armloop calibrate my-arm.yaml ids', 'one servo after the other, at whatever id and rate it has'],
    ['armloop calibrate my-arm.yaml joints --axis joint3', 'one joint again, after its servo was changed'],
    ['armloop calibrate so101-pair leader', 'the leader against its arm'],
    ['armloop calibrate dynamixel7 joints --dry-run', 'joints of emulated servos'],
  ]);
  command.action(run);
}

async function run(file: string, what: What | undefined, options: Options): Promise<void> {
  const { loadRobot, loadKind, emulated, unemulated, RobotCalibration, monotonicClock } = await engine();
  const robot = loadRobot(robotFile(file));
  const dry = options.dryRun === true;
  if (options.yes === true && !dry) {
    const reason = '--yes needs --dry-run: nobody would move the arm';
    throw new ArmloopError('CALIBRATION_NONE', { what: robot.id, reason });
  }
  const now = monotonicClock();
  const kinds = await Promise.all(robot.devices.map((entry) => loadKind(robot, entry)));
  await using hardware = dry && what !== undefined ? await emulated(kinds, robot) : unemulated(kinds);
  const calibration = new RobotCalibration({
    robot,
    kinds: hardware.kinds,
    workspace: options.workspace,
    hardware: dry ? 'emulated' : 'real',
    now,
  });
  if (what === undefined) {
    print(describeCalibration(calibration));
    for (const { axes } of calibration.devices) if (axes.length > 0) print(`\n${describeAxes(axes)}`);
    return;
  }
  using guide = options.yes === true ? new Yes() : new Prompts();
  const measured =
    what === 'leader'
      ? await measureLeader(calibration, { guide, now }, options)
      : await measureArm(what, calibration, { guide, now, emulations: hardware.emulations }, options);
  const { path, sha256, file: written } = calibration.save(what, measured.entries);
  const touched = new Set(measured.entries.map((e) => `${e.device}/${e.axis}`));
  const axes = calibration.devices.flatMap((d) => d.axes.filter((a) => touched.has(`${d.device}/${a.axis}`)));
  if (what === 'leader') print(describeEntries(written.entries));
  else if (what !== 'ids') print(describeAxes(axes));
  print(`Written: ${path}\nsha256 ${sha256}`);
  const { words } =
    what === 'leader' ? calibration.leader : calibration.devices.find((d) => d.device === measured.name)!;
  print(`${measured.name}: ${words}`);
}

type Asker = Pick<RunOptions, 'guide' | 'now'>;

interface Measured {
  /** Of the device or leader. */
  readonly name: string;
  readonly entries: readonly Entry[];
}

async function measureArm(
  what: Exclude<What, 'leader'>,
  calibration: RobotCalibration,
  { guide, now, emulations }: Asker & { readonly emulations: ReadonlyMap<string, Emulation> },
  { device, axis: axes, pose, repeats, opening }: Options,
): Promise<Measured> {
  const { runIds, runPlan, chooseAxes, choosePlan } = await procedures();
  const { subject, open } = calibration.choose(device);
  const { name } = subject.entry;
  await using calibrator = open();
  const emulation = emulations.get(name) ?? null;
  const run = { subject, calibrator, guide, now, emulation };
  if (emulation !== null) print(`Dry run: ${emulation.words}, moved by an emulated hand.`);
  if (what !== 'ids') {
    return { name, entries: await runPlan(choosePlan(subject, { what, axes, pose, repeats, opening }), run) };
  }
  const chosen = chooseAxes(subject, what, axes);
  const indices = chosen.map((axis) => subject.parts.findIndex((p) => p.name === axis));
  return { name, entries: await runIds(indices, run) };
}

async function measureLeader(
  { robot, hardware }: RobotCalibration,
  { guide, now }: Asker,
  { pose, repeats }: Options,
): Promise<Measured> {
  const { leaderPlan, LeaderReader, LEADER_STILL, TRIGGER, walk, loadLeader, emulatedLeader } =
    await leaders();
  const plan = leaderPlan(robot, { pose, repeats });
  const kind = await loadLeader(robot, robot.leader!);
  await using emulation = hardware === 'emulated' ? await emulatedLeader(kind, robot) : null;
  const entry = emulation?.entry ?? kind.entry;
  await using reader = new LeaderReader(kind.createLeader({ robot, entry, now }));
  if (emulation !== null) print(`Dry run: ${emulation.words}, moved by an emulated hand.`);
  await guide.ask('The leader goes limp now: hold it where it would fall.', false);
  const names = [...entry.joints.map((j) => j.axis), TRIGGER];
  const still = { still: LEADER_STILL, unit: 'rad' };
  return {
    name: entry.name,
    entries: await walk(plan, { hardware: reader, names, guide, now, emulation, still }),
  };
}

/*
 * What the command works with, loaded when it runs. In functions of their own: where a function has `using`, TypeScript
 * leaves the name of the source in its import().
 */

async function engine() {
  const { loadRobot } = await import('../config.ts');
  const { loadKind } = await import('../rig/kinds.ts');
  const { emulated, unemulated } = await import('../rig/emulate.ts');
  const { RobotCalibration } = await import('../calibrate/robot.ts');
  const { monotonicClock } = await import('../loop/clock.ts');
  return { loadRobot, loadKind, emulated, unemulated, RobotCalibration, monotonicClock };
}

async function procedures() {
  const { runIds, runPlan } = await import('../calibrate/run.ts');
  const { chooseAxes, choosePlan } = await import('../calibrate/choose.ts');
  return { runIds, runPlan, chooseAxes, choosePlan };
}

async function leaders() {
  const { leaderPlan, LeaderReader, LEADER_STILL, TRIGGER } = await import('../calibrate/leader.ts');
  const { walk } = await import('../calibrate/run.ts');
  const { loadLeader } = await import('../rig/kinds.ts');
  const { emulatedLeader } = await import('../rig/leader-seat.ts');
  return { leaderPlan, LeaderReader, LEADER_STILL, TRIGGER, walk, loadLeader, emulatedLeader };
}

/** Somebody at a terminal, or the lines of a pipe. */
class Prompts implements Guide, Disposable {
  readonly refused = 'retry';
  readonly #lines: Interface = createInterface({ input: process.stdin });
  readonly #answers: AsyncIterator<string> = this.#lines[Symbol.asyncIterator]();

  say(text: string): void {
    print(text);
  }

  async ask(words: string, skippable: boolean): Promise<'done' | 'skip'> {
    print(words);
    for (;;) {
      process.stdout.write(`    Enter: done${skippable ? ', s: skip' : ''}, q: quit > `);
      const { value, done } = await this.#answers.next();
      if (done === true) {
        print('');
        throw new ArmloopError('CALIBRATION_STOPPED', { reason: 'there are no more answers' });
      }
      const answer = String(value).trim().toLowerCase();
      if (!process.stdin.isTTY) print(answer);
      if (answer === '') return 'done';
      if (answer === 's' && skippable) return 'skip';
      if (answer === 'q') throw new ArmloopError('CALIBRATION_STOPPED', { reason: 'q was pressed' });
    }
  }

  [Symbol.dispose](): void {
    this.#lines.close();
  }
}

class Yes implements Guide, Disposable {
  readonly refused = 'stop';

  say(text: string): void {
    print(text);
  }

  async ask(words: string): Promise<'done'> {
    print(words);
    return 'done';
  }

  [Symbol.dispose](): void {}
}
