/** `armloop calibrate`: motor ids one by one, joint zeros and reach, the gripper's opening; with plain prompts. */
import { createInterface, type Interface } from 'node:readline';
import type { Command } from 'commander';
import { Argument, Option } from 'commander';
import type { Guide, RunOptions } from '../calibrate/run.ts';
import type { CalibrationKind, Entry } from '../calibrate/schema.ts';
import { ArmloopError } from '../errors.ts';
import { positive, whole } from './arguments.ts';
import { describeAxes, describeCalibration } from './calibration-text.ts';
import { examples, print, robotFile, workspaceOption } from './common.ts';

type What = 'ids' | 'joints' | 'gripper';

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
      'Sets servos up and measures an arm by hand, torque off. Without a procedure: what is measured, and what is missing.\n' +
        'Each prompt is answered by Enter (done), s (skip) or q (quit); answers may come from a pipe, one a line.',
    )
    .argument('<robot>', 'robot file, or the name of one that comes with armloop')
    .addArgument(
      new Argument(
        '[what]',
        'ids: give servos ids and rates. joints: zeros, directions, reach. gripper: its opening',
      ).choices(['ids', 'joints', 'gripper']),
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
    ['armloop calibrate dynamixel7 joints --dry-run', 'the same on emulated servos'],
  ]);
  command.action(run);
}

async function run(file: string, what: What | undefined, options: Options): Promise<void> {
  const { loadRobot } = await import('../config.ts');
  const { loadKind } = await import('../rig/kinds.ts');
  const { emulated, unemulated } = await import('../rig/emulate.ts');
  const { RobotCalibration } = await import('../calibrate/robot.ts');
  const { monotonicClock } = await import('../loop/clock.ts');
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
  const { subject, open } = calibration.choose(options.device);
  await using calibrator = open();
  using guide = options.yes === true ? new Yes() : new Prompts();
  const emulation = hardware.emulations.get(subject.entry.name) ?? null;
  const run = { subject, calibrator, guide, now, emulation };
  if (emulation !== null) print(`Dry run: ${emulation.words}, moved by an emulated hand.`);
  const [kind, entries] = await measure(what, run, options);
  const written = calibration.save(kind, entries);
  const device = calibration.devices.find((d) => d.device === subject.entry.name)!;
  const touched = new Set(entries.map((e) => e.axis));
  if (what !== 'ids') print(describeAxes(device.axes.filter((a) => touched.has(a.axis))));
  print(`Written: ${written.path}\nsha256 ${written.sha256}`);
  print(`${device.device}: ${device.words}`);
}

async function measure(
  what: What,
  run: RunOptions,
  options: Options,
): Promise<[CalibrationKind, readonly Entry[]]> {
  const { runIds, runPlan } = await import('../calibrate/run.ts');
  const { chooseAxes, choosePlan } = await import('../calibrate/choose.ts');
  const { subject } = run;
  const { axis: axes, pose, repeats, opening } = options;
  if (what !== 'ids') {
    return [what, await runPlan(choosePlan(subject, { what, axes, pose, repeats, opening }), run)];
  }
  const chosen = chooseAxes(subject, what, axes);
  const indices = chosen.map((name) => subject.parts.findIndex((p) => p.name === name));
  return ['ids', await runIds(indices, run)];
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
