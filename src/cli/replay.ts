/** `armloop replay`: drive an episode again, or prove that it computes the same commands again. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { serverUrl } from './arguments.ts';
import { examples, jsonOption, print, printJson, workspaceOption } from './common.ts';
import { progressBar } from './progress.ts';

interface ReplayOptions {
  readonly workspace: string;
  readonly json?: true;
  readonly verify?: true;
  readonly lockstep?: true;
  readonly anyVersion?: true;
  readonly server: string;
  readonly token?: string;
}

export function addReplay(program: Command): void {
  const command = program
    .command('replay')
    .summary('drive an episode again, or verify it')
    .description(
      'Without options: asks the running rig to put the scene of the episode back and to drive its commands again ' +
        '(the arm moves!). With --lockstep: the same in a simulation of its own, without console or clock. With ' +
        '--verify: nothing moves; controllers and guard are built anew from the robot file in the episode, fed the ' +
        'recorded inputs, and must give every recorded output bit for bit.',
    )
    .argument('<id>', 'episode; `armloop episodes list` prints them')
    .option('--verify', 'compute every tick again and compare')
    .option('--any-version', 'with --verify: also on another Node, V8, machine or version of armloop')
    .option('--lockstep', 'in a simulation of its own, as fast as it goes')
    .option('--server <url>', 'console of the rig that is to move', 'http://127.0.0.1:7411')
    .option('--token <token>', 'token of that server, when it needs one')
    .addOption(workspaceOption())
    .addOption(jsonOption());
  examples(command, [
    ['armloop replay 20260131-142501-3f9c --verify', 'tick by tick, bit for bit'],
    ['armloop replay 20260131-142501-3f9c --lockstep', 'does it still solve the task?'],
    ['armloop replay 20260131-142501-3f9c', 'the rig of `armloop up` moves'],
  ]);
  command.action(async (id: string, options: ReplayOptions) => {
    if (options.verify) process.exitCode = await verify(id, options);
    else if (options.lockstep) process.exitCode = await lockstep(id, options);
    else process.exitCode = await onRig(id, options);
  });
}

const DONE = 0;
const FAILED = 1;

async function open(id: string, options: ReplayOptions) {
  const { Episode } = await import('../episode/episode.ts');
  const { EpisodeFiles } = await import('../record/files.ts');
  return Episode.open(new EpisodeFiles(resolve(options.workspace)), id);
}

// Apart from its use: TypeScript 6.0 does not rewrite `.ts` in an import() within a function that has `await using`.
const simulation = async () => ({
  ...(await import('../episode/replay-lockstep.ts')),
  ...(await import('../rig/kinds.ts')),
});

const verification = async () => import('../episode/verify.ts');

async function verify(id: string, options: ReplayOptions): Promise<number> {
  const { verifyEpisode } = await verification();
  await using episode = await open(id, options);
  const bar = progressBar('verifying ticks', options);
  const result = await verifyEpisode(episode, {
    versions: options.anyVersion ? 'any' : 'same',
    progress: bar.update,
  });
  bar.stop();
  if (options.json) printJson(result);
  else print(result.text);
  return result.equal ? DONE : FAILED;
}

async function lockstep(id: string, options: ReplayOptions): Promise<number> {
  const { replayLockstep, loadKind } = await simulation();
  await using episode = await open(id, options);
  const bar = progressBar('replaying ticks', options);
  const outcome = await replayLockstep(
    episode,
    async (spec, entry) => (await loadKind(spec, entry)).module.createLockstepDevice ?? null,
    bar.update,
  );
  bar.stop();
  if (options.json) printJson(outcome);
  else {
    const task = (yes: boolean): string => (yes ? 'reached its goal' : 'did not reach its goal');
    print(`${id}: the replay ${task(outcome.success)}, the episode ${task(outcome.recordedSuccess)}`);
    if (!outcome.finished)
      print(`it did not come to its end: ${outcome.fault.join(', ') || 'no reason given'}`);
    print(`${outcome.ticks} ticks, ${outcome.seconds.toFixed(1)} simulated seconds`);
  }
  // An episode that failed is repeated well when it fails again.
  return outcome.finished && (outcome.success || !outcome.recordedSuccess) ? DONE : FAILED;
}

async function onRig(id: string, options: ReplayOptions): Promise<number> {
  const { checkEpisodeId } = await import('../record/episode-id.ts');
  const { replayOnRig } = await import('./replay-rig.ts');
  checkEpisodeId(id);
  const rig = { server: serverUrl(options.server), token: options.token };
  const fault = await replayOnRig(id, rig, (text) => {
    if (!options.json) print(text);
  });
  if (options.json) printJson({ id, done: fault === '', fault });
  return fault === '' ? DONE : FAILED;
}
