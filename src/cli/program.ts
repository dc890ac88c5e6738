/**
 * The command line: one file per command, each exporting `add…(program)`. A command's action loads what it needs
 * with `await import(…)`, so that `armloop --help` stays quick.
 */
import { Command, CommanderError } from 'commander';
import { ArmloopError, explain } from '../errors.ts';
import { packageVersion } from '../root.ts';
import { addBench } from './bench.ts';
import { addCalibrate } from './calibrate.ts';
import { addCheck } from './check.ts';
import { addCollect } from './collect.ts';
import { addDeploy, addPolicies } from './deploy.ts';
import { addDoctor } from './doctor.ts';
import { addDriver } from './driver.ts';
import { addEpisodes } from './episodes.ts';
import { addEval } from './eval.ts';
import { addLeader } from './leader.ts';
import { addReplay } from './replay.ts';
import { addRig } from './rig.ts';
import { addRuns } from './runs.ts';
import { addServer } from './server.ts';
import { addTrain } from './train.ts';
import { addUp } from './up.ts';

/** Every command, in the order in which help lists them. To add one, add its line. */
const COMMANDS: readonly ((program: Command) => void)[] = [
  addUp, //
  addRig,
  addServer,
  addCheck,
  addDoctor,
  addDriver,
  addCalibrate,
  addLeader,
  addEpisodes,
  addReplay,
  addDeploy,
  addPolicies,
  addCollect,
  addTrain,
  addRuns,
  addEval,
  addBench,
];

/** Exit codes of every command. */
export const Exit = {
  ok: 0,
  /** The command ran, and what it checked or did failed. */
  failed: 1,
  /** Wrong usage, or a file that cannot be used. */
  usage: 2,
} as const;

const HELP = `
Examples:
  $ armloop up                            rig and console; then open http://127.0.0.1:7411
  $ armloop check robots/panda-sim.yaml   what a robot file means, with every default
  $ armloop doctor                        what this machine can do, and how to allow the rest

\`armloop help COMMAND\` tells more of one command. Exit codes: 0 done, 1 failed, 2 wrong usage or unusable file.`;

export function buildProgram(): Command {
  const program = new Command('armloop')
    .description('Teaches and runs a robot arm: simulate, teleoperate, record, replay, collect, train.')
    .version(packageVersion(), '-V, --version')
    .showSuggestionAfterError()
    .showHelpAfterError('(armloop help COMMAND shows how it is used)')
    .exitOverride()
    .addHelpText('after', HELP);
  for (const add of COMMANDS) add(program);
  return program;
}

/** Runs one command line (without `node armloop`) and returns the exit code. Never throws, never calls exit. */
export async function main(args: readonly string[]): Promise<number> {
  process.exitCode = Exit.ok;
  try {
    await buildProgram().parseAsync(args as string[], { from: 'user' });
    return Number(process.exitCode ?? Exit.ok);
  } catch (error) {
    // Commander has printed help, version or the usage error by now.
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
    report(error, args.includes('--json'));
    return error instanceof ArmloopError && isUsage(error.code) ? Exit.usage : Exit.failed;
  }
}

/** Prints an error for people, or as the one JSON value of stdout under --json. */
function report(error: unknown, json: boolean): void {
  if (json) {
    const known = error instanceof ArmloopError;
    const message = error instanceof Error ? error.message : String(error);
    const body = { code: known ? error.code : 'INTERNAL', message, todo: known ? error.todo : '' };
    process.stdout.write(`${JSON.stringify({ error: body })}\n`);
    return;
  }
  process.stderr.write(`${explain(error)}\n`);
  if (process.env['ARMLOOP_DEBUG'] !== undefined && error instanceof Error)
    process.stderr.write(`${error.stack}\n`);
}

const USAGE = new Set([
  'BENCH_UNKNOWN',
  'CALIBRATION_NONE',
  'DRIVER_USAGE',
  'EPISODE_BAD_ID',
  'EPISODE_UNKNOWN',
  'POLICY_UNKNOWN',
  'RUN_UNKNOWN',
  'RUN_EXISTS',
  'POLICY_EXISTS',
  'SEEDS_INVALID',
  'EVALUATION_UNKNOWN',
  'EVALUATION_EXISTS',
  'GOAL_NONE',
  'POLICY_ASKED',
]);
const isUsage = (code: string): boolean =>
  code.startsWith('CONFIG_') || code.startsWith('RECIPE_') || USAGE.has(code);
