/** `armloop train`: a recipe and recorded episodes become a policy; stopped runs go on, finished ones are done again. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { ArmloopError } from '../errors.ts';
import type { TrainOptions, TrainOutcome } from '../learn/trainer.ts';
import { positive, whole } from './arguments.ts';
import { examples, print, printJson, workspaceOption } from './common.ts';
import { onInterrupt } from './interrupt.ts';
import { trainReport } from './train-report.ts';

interface Options {
  readonly workspace: string;
  readonly json?: true;
  readonly name?: string;
  readonly run?: string;
  readonly resume?: string;
  readonly reproduce?: string;
  readonly threads?: number;
  readonly seed?: number;
  readonly steps?: number;
  readonly minutes?: number;
  readonly force?: true;
  readonly allowChanges?: true;
}

export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .description('train a policy from recorded episodes, as a recipe says')
    .argument('[recipe]', 'recipe (YAML); none with --resume and --reproduce')
    .option('--resume <run>', 'go on with a run that was stopped or killed')
    .option('--reproduce <run>', 'train a run again from its folder and compare the policies')
    .option('--name <name>', 'name of the policy instead of that of the recipe', policyName)
    .option('--run <id>', 'id of the new run instead of date and time', runId)
    .option('--seed <n>', 'instead of training.seed', whole(0))
    .option('--steps <n>', 'instead of training.steps', whole(1))
    .option('--minutes <m>', 'instead of training.minutes', positive)
    .option('--threads <n>', 'instead of training.threads; with --resume, other sums from there on', whole(1))
    .option('--force', 'replace a policy of the same name; the old one goes to the trash')
    .option('--allow-changes', 'with --resume and --reproduce: other data, versions or machine are accepted')
    .addOption(workspaceOption())
    .option('--json', 'print JSON lines instead of text: begun, lines of the curves, ended')
    .action(async (recipe: string | undefined, options: Options) => {
      const wrong = misuse(recipe, options);
      if (wrong !== null) command.error(`error: ${wrong}`);
      await train(recipe, options);
    });
  examples(command, [
    ['armloop train recipe.yaml', 'ends with a policy in workspace/policies'],
    ['armloop train recipe.yaml --minutes 10 --name quick', 'within a time budget'],
    ['armloop train --resume 20260131-142501-3f9c', 'from the newest sound checkpoint'],
    ['armloop train --reproduce 20260131-142501-3f9c', 'same data, same seed: the same bits'],
  ]);
}

/** What is wrong with how the options go together, or null. */
function misuse(recipe: string | undefined, o: Options): string | null {
  const modes = [recipe, o.resume, o.reproduce].filter((m) => m !== undefined).length;
  if (modes !== 1) return 'give a recipe, or --resume RUN, or --reproduce RUN: one of them';
  if (recipe === undefined) {
    const foreign = (['name', 'seed', 'steps', 'minutes'] as const).find((k) => o[k] !== undefined);
    if (foreign !== undefined) return `--${foreign} is for a new run: this one has its recipe in its folder`;
  }
  if (o.resume !== undefined && o.run !== undefined) return '--run is for a new run';
  if (o.reproduce !== undefined && o.threads !== undefined)
    return '--threads would give other sums than the run that is reproduced';
  if (recipe !== undefined && o.allowChanges) return '--allow-changes is for --resume and --reproduce';
  return null;
}

async function train(file: string | undefined, o: Options): Promise<void> {
  const { beginRun, resumeRun, reproduceRun } = await import('../learn/trainer.ts');
  const { loadRecipe } = await import('../learn/recipe.ts');
  const report = trainReport(o);
  const interrupt = onInterrupt(report.say, 'finishing the step; Ctrl-C again leaves without a checkpoint');
  const options: TrainOptions = {
    workspace: resolve(o.workspace),
    install: o.force ? 'replace' : 'new',
    events: { ...report, signal: interrupt.signal },
  };
  const { name, seed, steps, minutes, threads } = o;
  const overrides = { name, seed, steps, minutes, threads };
  const others = o.allowChanges ? 'allow' : 'refuse';
  let outcome: TrainOutcome;
  try {
    if (o.resume !== undefined)
      outcome = await resumeRun(o.resume, { threads: threads ?? null, others }, options);
    else if (o.reproduce !== undefined)
      outcome = await reproduceRun(o.reproduce, o.run ?? null, others, options);
    else outcome = await beginRun(loadRecipe(file!, overrides), o.run ?? null, options);
  } catch (error) {
    if (!(error instanceof ArmloopError && error.code === 'DATASET_STOPPED')) throw error;
    report.say(`${error.message}: ${error.todo}`);
    process.exitCode = INTERRUPTED;
    return;
  } finally {
    report.end();
    interrupt[Symbol.dispose]();
  }
  if (o.json) printJson({ event: 'ended', ...ended(outcome) });
  else print(endText(outcome));
  if (outcome.ended === 'stopped') process.exitCode = INTERRUPTED;
}

/** As shells give it for SIGINT. */
const INTERRUPTED = 130;

const ended = ({ run, ended, reason, state, policy }: TrainOutcome) => ({
  run: run.id,
  ended,
  reason,
  step: state.step,
  best: state.stopping.best,
  folder: run.folder,
  policy,
});

/** The end of a training as text for people. */
export function endText({ run, ended, reason, state, policy }: TrainOutcome): string {
  const minutes = (state.elapsed / 60).toFixed(1);
  const lines = [`${ended} at step ${state.step} after ${minutes} min: ${reason}`];
  const { best } = state.stopping;
  if (best !== null) lines.push(`best held-out loss ${best.error.toPrecision(4)} at step ${best.step}`);
  lines.push(`run     ${run.folder}`);
  if (policy !== null) lines.push(`policy  ${policy}`);
  if (ended === 'stopped') lines.push(`go on   armloop train --resume ${run.id}`);
  return lines.join('\n');
}

function runId(text: string): string {
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(text))
    throw new InvalidArgumentError('It may have lower-case letters, digits, "-" and "_".');
  return text;
}

function policyName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text))
    throw new InvalidArgumentError('It may have letters, digits, ".", "-" and "_".');
  return text;
}
