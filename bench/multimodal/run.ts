/** One run as a program: TASK VARIANT SEED, prints its outcomes as JSON. For scripts/heads.mjs, which does them all. */
import { run } from './experiment.ts';
import { TASKS } from './tasks.ts';
import { VARIANTS } from './variants.ts';

const [taskName = '', variantName = '', seed = '1'] = process.argv.slice(2);
const task = TASKS.find((t) => t.name === taskName);
const variant = VARIANTS.find((v) => v.name === variantName);
if (task === undefined || variant === undefined) {
  const known = [TASKS, VARIANTS].map((list) => list.map((x) => x.name).join(', ')).join('; ');
  throw new Error(`no task ${taskName} or no variant ${variantName}; there are: ${known}`);
}
process.stdout.write(`${JSON.stringify(await run(task, variant, Number(seed)))}\n`);
