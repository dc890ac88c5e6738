/** `armloop collect`: an autonomous session that resets, runs, judges, labels and records episodes. */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Presets, SingleBar } from 'cli-progress';
import { type Command, Option } from 'commander';
import { loadRobot } from '../config.ts';
import { ArmloopError } from '../errors.ts';
import { newEpisodeId } from '../record/episode-id.ts';
import { duration, number, percent, percentInterval } from '../report/format.ts';
import { type RobotSpec, SCENE_VARY, type SceneVary } from '../robot/spec.ts';
import type { Task } from '../robot/task.ts';
import { packageVersion } from '../root.ts';
import type { AttemptResult, Crew } from '../session/collect.ts';
import {
  type Attempt,
  type AttemptFact,
  COLLECTION_FORMAT,
  type CollectionPlan,
  type CollectionState,
  type DriverChoice,
} from '../session/collection.ts';
import { positive, serverUrl, share, whole } from './arguments.ts';
import {
  DEFAULT_ROBOT,
  examples,
  jsonOption,
  print,
  printJson,
  robotFile,
  table,
  workspaceOption,
} from './common.ts';
import { onInterrupt } from './interrupt.ts';
import { clockText } from './progress.ts';

interface Options {
  readonly workspace: string;
  readonly json?: true;
  readonly robot: string;
  readonly teacher?: true;
  readonly policy?: string;
  readonly goalOf?: string;
  readonly disturb: 'none' | 'push';
  readonly recover?: number;
  readonly planner?: 'mpc';
  readonly task?: string;
  readonly episodes: number;
  readonly hours?: number;
  readonly disk?: number;
  readonly seed: number;
  readonly retries: number;
  readonly failures: 'keep' | 'trash';
  readonly vary?: SceneVary;
  readonly cameras?: string;
  readonly workers?: number;
  readonly server?: string;
  readonly token?: string;
  readonly maxFailures: number;
  readonly maxGuardStops: number;
  readonly maxTravel?: number;
  readonly maxGrips?: number;
  readonly resume?: string;
  readonly id?: string;
  readonly list?: true;
}

export function addCollect(program: Command): void {
  const command = program
    .command('collect')
    .summary('collect episodes by itself')
    .description(
      'Resets, runs, judges, labels and records, episode after episode, in lockstep simulation on all cores, until a ' +
        'budget is reached or something says stop. The same seeds give the same episodes to the byte, on any number of ' +
        'workers. Ctrl-C finishes what runs; --resume goes on after that, or after a crash.',
    )
    .option('--teacher', 'the teacher of the task drives')
    .option('--policy <bundle>', 'a policy drives: its name, or the folder of its bundle')
    .option(
      '--goal-of <episode>',
      'policy: its goal, for one that takes one, as things were at the end of that episode',
    )
    .option('--task <name>', 'simulated task; default: that of the robot file')
    .option('--episodes <n>', 'wanted episodes', whole(1), 100)
    .option('--hours <h>', 'most hours of motion (simulated time)', positive)
    .option('--disk <MB>', 'most megabytes of episodes', positive)
    .option('--seed <n>', 'seed of the first episode; the others follow', whole(0), 0)
    .option('--retries <n>', 'other seeds tried for an episode that fails', whole(0), 0)
    .addOption(
      new Option('--failures <what>', 'recordings of failed attempts')
        .choices(['keep', 'trash'])
        .default('keep'),
    )
    .addOption(
      new Option('--vary <what>', 'what each scene draws; default: as the robot file').choices([
        ...SCENE_VARY,
      ]),
    )
    .addOption(
      new Option('--disturb <how>', 'teacher: push the arm off its way now and then')
        .choices(['none', 'push'])
        .default('none'),
    )
    .option('--recover <share>', 'teacher: share of demonstrations that begin as after a missed grasp', share)
    .addOption(
      new Option(
        '--planner <kind>',
        'teacher: plans as it goes from where things lie, instead of one trajectory made at the reset',
      ).choices(['mpc']),
    )
    .option('--cameras <names>', 'cameras to render, by commas, or none; default: all of the robot file')
    .option('--robot <file>', 'robot file, or the name of a shipped one', DEFAULT_ROBOT)
    .option('--workers <n>', 'threads; default: one per core', whole(1))
    .option('--server <url>', 'in real time on the simulated rig of that console instead of in lockstep')
    .option('--token <token>', 'token of that server, when it needs one')
    .option('--max-failures <n>', 'failures in a row that stop it; 0: none do', whole(0), 20)
    .option('--max-guard-stops <n>', 'attempts stopped by the guard that stop it; 0: none do', whole(0), 10)
    .option('--max-travel <rad>', 'joint travel that stops it', positive)
    .option('--max-grips <n>', 'gripper cycles that stop it', positive)
    .option('--id <id>', 'id of the collection instead of date and time')
    .option('--resume <id>', 'go on with a collection')
    .option('--list', 'list the collections of the workspace')
    .addOption(workspaceOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      if (options.list) return list(options);
      const drivers = [options.teacher, options.policy, options.resume].filter((x) => x !== undefined).length;
      if (drivers !== 1)
        command.error('error: give --teacher, or --policy BUNDLE, or --resume ID: one of them');
      const trajectory = options.disturb !== 'none' || options.recover !== undefined;
      if (options.planner !== undefined && (options.teacher === undefined || trajectory))
        command.error('error: --planner goes with --teacher, without --disturb and --recover');
      if (options.goalOf !== undefined && options.policy === undefined)
        command.error('error: --goal-of goes with --policy');
      process.exitCode = await run(options);
    });
  examples(command, [
    ['armloop collect --teacher --task pick-cube --episodes 100 --vary all', '100 varied demonstrations'],
    ['armloop collect --policy workspace/policies/pick --episodes 20', 'what a policy does, recorded'],
    ['armloop collect --resume 20260131-142501-3f9c', 'go on after Ctrl-C or a crash'],
  ]);
}

const DONE = 0;
const STOPPED = 1;

// Apart from their use, so that other commands need not load them.
const parts = async () => ({
  ...(await import('../session/collect.ts')),
  ...(await import('../session/collection-files.ts')),
  ...(await import('../session/collection-report.ts')),
  ...(await import('../session/job-pool.ts')),
  ...(await import('../session/cell.ts')),
  ...(await import('../rig/cell-parts.ts')),
});

/** Who will do it, what task, and how it ends. */
interface Seats extends AsyncDisposable {
  readonly crew: Crew<Attempt, AttemptResult>;
  readonly plan: CollectionPlan;
}

async function run(options: Options): Promise<number> {
  const { collect, CollectionFiles, stopText } = await parts();
  const files = new CollectionFiles(resolve(options.workspace));
  const old = options.resume === undefined ? null : files.read(options.resume);
  const say = (text: string): void => {
    if (!options.json) print(text);
  };
  const server = old === null ? options.server : old.where === 'lockstep' ? undefined : old.where;
  using stop = onInterrupt(say, 'finishing what runs; once more leaves at once');
  await using seats = server === undefined ? await inCells(options, old) : await onRig(options, old, server);
  const { plan, crew } = seats;
  if (old === null) files.create(plan);
  const where = server === undefined ? `on ${crew.size} threads` : `in real time on ${plan.robot.id}`;
  say(`collection ${plan.id}: ${plan.task}, ${plan.episodes} episodes ${where}`);
  const bar = collectBar(options);
  try {
    const state = await collect({
      files,
      id: plan.id,
      crew,
      signal: stop.signal,
      now: () => new Date().toISOString(),
      progress: bar.update,
    });
    bar.stop();
    tell(state, stopText(state), files.of(plan.id), options);
    return state.stopped?.why === 'done' ? DONE : STOPPED;
  } finally {
    bar.stop();
  }
}

async function inCells(options: Options, old: CollectionPlan | null): Promise<Seats> {
  const { JobPool, cellSpec, cellParts } = await parts();
  const robot = loadRobot(old === null ? robotFile(options.robot) : old.robot.file);
  if (old !== null && old.robot.sha256 !== robot.source.sha256) {
    throw new ArmloopError('COLLECTION_CHANGED', { id: old.id, what: `the robot file ${old.robot.file}` });
  }
  const choice = old ?? {
    ...(options.task === undefined ? {} : { task: options.task }),
    ...(options.vary === undefined ? {} : { vary: options.vary }),
    ...(options.cameras === undefined ? {} : { cameras: names(options.cameras) }),
  };
  const spec = cellSpec(robot, choice);
  const task = await cellParts.openTask(spec);
  const plan = old ?? planOf(options, spec, task, await driverChoice(options, task), 'lockstep');
  const workers = options.workers ?? Math.min(availableParallelism(), plan.episodes);
  const url = new URL('../rig/collect-worker.js', import.meta.url);
  const data = { plan, spec, workspace: resolve(options.workspace) };
  const crew = await JobPool.open<Attempt, AttemptResult>(url, data, workers);
  return { crew, plan, [Symbol.asyncDispose]: () => crew[Symbol.asyncDispose]() };
}

async function onRig(options: Options, old: CollectionPlan | null, server: string): Promise<Seats> {
  const { cellParts } = await parts();
  const { RigCrew } = await import('./collect-rig.ts');
  const crew = await RigCrew.open({ server: serverUrl(server), token: options.token });
  try {
    const { spec } = crew;
    const task = await cellParts.openTask(spec);
    const wanted = { robot: old?.robot.id ?? spec.id, task: old?.task ?? options.task ?? task.name };
    if (wanted.task !== task.name || wanted.robot !== spec.id) {
      throw new ArmloopError('COLLECTION_OTHER_RIG', {
        server,
        robot: spec.id,
        task: task.name,
        wanted: `${wanted.robot} with ${wanted.task}`,
      });
    }
    const driver = old?.driver ?? (await driverChoice(await installed(options), task));
    if (driver.kind === 'policy') await crew.checkPolicy(driver, old?.id ?? null);
    if (driver.kind === 'teacher' && driver.planner === undefined && task.phases === undefined) {
      throw new ArmloopError('TEACHER_NO_PHASES', { task: task.name });
    }
    const plan = old ?? planOf(options, spec, task, driver, server);
    crew.begin(plan, task);
    return { crew, plan, [Symbol.asyncDispose]: () => crew[Symbol.asyncDispose]() };
  } catch (error) {
    await crew[Symbol.asyncDispose]();
    throw error;
  }
}

function planOf(
  options: Options,
  spec: RobotSpec,
  task: Task,
  driver: DriverChoice,
  where: string,
): CollectionPlan {
  const created = new Date();
  const limit = (value: number | undefined): number | null =>
    value === undefined || value === 0 ? null : value;
  return {
    format: COLLECTION_FORMAT,
    id: options.id ?? newEpisodeId(created.getTime() / 1000, Math.random()),
    created: created.toISOString(),
    robot: { id: spec.id, file: spec.source.file, sha256: spec.source.sha256 },
    where,
    task: task.name,
    taskText: task.text,
    driver,
    vary: spec.sim?.vary ?? 'none',
    cameras: spec.cameras.map((c) => c.name),
    seed: options.seed,
    episodes: options.episodes,
    retries: options.retries,
    failures: options.failures,
    limits: {
      hours: limit(options.hours),
      diskBytes: limit(options.disk === undefined ? undefined : options.disk * 1e6),
      failuresInRow: limit(options.maxFailures),
      guardStops: limit(options.maxGuardStops),
      jointTravel: limit(options.maxTravel),
      gripperCycles: limit(options.maxGrips),
    },
    versions: { armloop: packageVersion(), node: process.versions.node },
  };
}

/** A bundle given by its path is copied to where the rig looks, whose workspace this must be. Rejects with POLICY_*. */
async function installed(options: Options): Promise<Options> {
  if (options.policy === undefined) return options;
  const { installBundle } = await import('../policy/bundle.ts');
  const { policyPlaces } = await import('../rig/kinds.ts');
  return { ...options, policy: installBundle(options.policy, policyPlaces(resolve(options.workspace))) };
}

/** `policy`: its name or folder. Rejects with POLICY_*, and with what reading the goal's episode rejects with. */
async function driverChoice(
  { policy, goalOf, disturb, recover, planner, workspace }: Options,
  task: Task,
): Promise<DriverChoice> {
  if (policy === undefined)
    return {
      kind: 'teacher',
      disturb,
      ...(recover === undefined ? {} : { recover }),
      ...(planner === undefined ? {} : { planner }),
    };
  const { findBundle, loadBundle } = await import('../policy/bundle.ts');
  const { requestFor } = await import('../policy/request.ts');
  const { episodeGoal } = await import('../episode/goal.ts');
  const { EpisodeFiles } = await import('../record/files.ts');
  const { policyPlaces } = await import('../rig/kinds.ts');
  const { folder, manifest, sha256 } = loadBundle(findBundle(policy, policyPlaces(resolve(workspace))));
  const goal = await episodeGoal(manifest, goalOf ?? null, new EpisodeFiles(resolve(workspace)));
  const request = requestFor(manifest, task, goal);
  const asked = Object.keys(request).length === 0 ? {} : { request };
  return { kind: 'policy', bundle: folder, name: manifest.name, sha256, ...asked };
}

/** Success so far, pace and remaining time: a bar on terminals, a line now and then elsewhere, nothing under --json. */
function collectBar(options: Options): {
  update: (state: CollectionState, newest: AttemptFact | null) => void;
  stop: () => void;
} {
  if (options.json) return { update: () => {}, stop: () => {} };
  const began = performance.now();
  const terminal = process.stderr.isTTY === true;
  const format = 'collecting {bar} {value}/{total}  {rate}  {pace}  {eta_formatted} left';
  const bar = new SingleBar(
    { format, formatTime: clockText, stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  );
  let first = -1;
  let told = began;
  return {
    update: (state) => {
      const { slots, rate, attempts } = state.totals;
      if (first < 0) {
        first = slots;
        if (terminal) bar.start(state.plan.episodes, slots, { rate: '', pace: '' });
        return;
      }
      const minutes = (performance.now() - began) / 60_000;
      const words = {
        rate: `${percent(rate)} success`,
        pace: `${((slots - first) / minutes).toFixed(0)} episodes/min`,
      };
      if (terminal) bar.update(slots, words);
      else if (performance.now() - told > LINE_MS) {
        told = performance.now();
        print(`${slots} of ${state.plan.episodes}: ${words.rate} of ${attempts}, ${words.pace}`);
      }
    },
    stop: () => bar.stop(),
  };
}

/** Where no terminal is, a line at most this often, ms. */
const LINE_MS = 15_000;

function tell(state: CollectionState, text: string, folder: string, options: Options): void {
  const { totals, plan, stopped } = state;
  if (options.json) {
    printJson({
      id: plan.id,
      stopped: stopped?.why ?? null,
      text,
      report: join(folder, 'report.html'),
      ...totals,
    });
    return;
  }
  const { successes, attempts, rate, interval, hours, bytes } = totals;
  print(
    `${successes} of ${attempts} attempts succeeded: ${percent(rate)}, 95 %: ${percentInterval(interval)}`,
  );
  print(`${duration(hours * 3600)} of motion, ${number(bytes / 1e6)} MB`);
  print(text);
  print(`report: ${join(folder, 'report.html')}`);
}

async function list(options: Options): Promise<void> {
  const { CollectionFiles, driverText } = await parts();
  const files = new CollectionFiles(resolve(options.workspace));
  const states = files.list().map((plan) => files.state(plan));
  if (options.json) {
    printJson(states.map(({ plan, totals, stopped }) => ({ plan, totals, stopped })));
    return;
  }
  if (states.length === 0) return print('no collections yet');
  const rows = states.map(({ plan, totals, stopped }) => [
    plan.id,
    plan.task,
    driverText(plan.driver),
    `${totals.slots} of ${plan.episodes}`,
    percent(totals.rate),
    stopped?.why ?? 'running',
  ]);
  print(table(['id', 'task', 'driver', 'episodes', 'success', 'state'], rows));
}

const names = (text: string): string[] => (text === 'none' ? [] : text.split(',').map((name) => name.trim()));
