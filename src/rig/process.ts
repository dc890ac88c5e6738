/** The rig process: opens the rig, then waits for a signal or for the end of its supervisor. */
import { loadRobot } from '../config.ts';
import { plainInput } from '../config-input.ts';
import { ArmloopError, explain } from '../errors.ts';
import { openLog } from '../log.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { modeWords } from '../robot/words.ts';
import { Rig } from './rig.ts';
import type { RigMessage } from './supervise.ts';

export interface RigProcessOptions {
  readonly file: string;
  readonly workspace: string;
  readonly task?: string;
  readonly seed?: number;
  readonly dryRun?: boolean;
  readonly setUp?: boolean;
  /** Kind of input that the robot gets in place of its own. */
  readonly input?: string;
  readonly print: (line: string) => void;
}

/** Exit code after a second Ctrl-C, as shells give it for SIGINT. */
const HURRIED = 130;
/** How long a shutdown in a hurry may take, ms. */
const HURRY_MS = 3000;

/** Runs until it is told to stop. Resolves with the exit code. Rejects when the rig does not start. */
export async function runRig(options: RigProcessOptions): Promise<number> {
  const { workspace, print } = options;
  // A closed terminal must not take the rig down with it.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const spec = withInput(withScene(loadRobot(options.file), options), options);
  const log = openLog(workspace, `rig-${spec.id}`);
  const stop = new StopSignals();
  let rig: Rig;
  try {
    rig = await Rig.open({
      spec,
      workspace,
      log,
      dryRun: options.dryRun ?? false,
      setUp: options.setUp ?? false,
      stopped: stop.first,
    });
  } catch (error) {
    log.fatal({ err: error }, 'not started');
    throw error;
  }
  const mode = modeWords(rig.watch.view.mode).short;
  log.info({ mode }, 'ready');
  if (options.dryRun) print('Dry run: the hardware is emulated, nothing real moves.');
  if (options.setUp) print('To be set up: nothing gets torque before somebody arms it.');
  print(`Rig ${spec.id} is ${mode}: ${spec.loop.rateHz} Hz, ${rig.session.state().realTime.reason}`);
  if (rig.barred !== null) print(explain(rig.barred));
  process.send?.({ type: 'ready', mode } satisfies RigMessage);

  const why = await stop.first;
  log.info({ why }, 'stopping');
  const closing = rig.close();
  const hurried = stop.second.then(async () => {
    log.warn('stopping in a hurry');
    await Promise.race([rig.abort(), new Promise((resolve) => setTimeout(resolve, HURRY_MS))]);
    return HURRIED;
  });
  const code = await Promise.race([closing.then(() => 0), hurried]);
  log.info({ code }, 'ended');
  return code;
}

/** Counts what asks the process to stop: signals, and the end of the supervisor. */
class StopSignals {
  readonly first: Promise<string>;
  readonly second: Promise<string>;

  constructor() {
    let count = 0;
    const tell: ((why: string) => void)[] = [];
    this.first = new Promise((resolve) => tell.push(resolve));
    this.second = new Promise((resolve) => tell.push(resolve));
    const on = (why: string): void => tell[count++]?.(why);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => on(signal));
    process.once('disconnect', () => {
      if (count === 0) on('the supervisor is gone');
    });
    process.channel?.unref();
  }
}

/** The robot with the task and seed of the command line. Throws CONFIG_INVALID on a real rig. */
function withScene(spec: RobotSpec, { task, seed }: RigProcessOptions): RobotSpec {
  if (task === undefined && seed === undefined) return spec;
  if (spec.sim === null) {
    throw new ArmloopError('CONFIG_INVALID', {
      file: spec.source.file,
      path: task === undefined ? '--seed' : '--task',
      value: task ?? seed ?? '',
      rule: 'only simulated rigs have a task and a seed',
    });
  }
  return { ...spec, sim: { ...spec.sim, task: task ?? spec.sim.task, seed: seed ?? spec.sim.seed } };
}

/** The robot with the input of the command line. */
function withInput(spec: RobotSpec, { input }: RigProcessOptions): RobotSpec {
  return input === undefined ? spec : { ...spec, input: plainInput(input) };
}
