/**
 * npm test: installs, builds, lints, then runs every compiled test file in a process of its own.
 *   npm test -- loop guard     only files whose path contains one of the words; no lint
 *   npm test -- --strict       a skip fails the run unless it is for a GPU, ROS 2 or a real device
 * The last line is `N passed, N failed, N skipped`.
 */
import { availableParallelism } from 'node:os';
import { build, checkNode, files, install, local, root, say, step } from './lib.mjs';
import { Runner, testFile } from './runner.mjs';

const args = process.argv.slice(2);
const words = args.filter((a) => !a.startsWith('--'));
const runner = new Runner();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    runner.abort();
    process.exit(130);
  });
}

checkNode();
if (!(await install())) runner.fail('npm ci', 'packages could not be installed');
else if (!(await build())) runner.fail('build', 'the sources do not compile; see above');
else {
  if (words.length === 0) await lint();
  const found = files(['dist/test'])
    .filter((f) => f.endsWith('.test.js'))
    .map((f) =>
      testFile(
        f,
        local(f)
          .replace(/^dist\//, '')
          .replace(/\.js$/, ''),
      ),
    )
    .filter((f) => words.length === 0 || words.some((w) => f.name.includes(w)));
  say(`running the tests: ${found.length} files`);
  await runner.run(found, { workers: Math.max(1, Math.min(8, availableParallelism())), cwd: root });
}
process.exit(runner.summary({ strict: args.includes('--strict') }));

async function lint() {
  if (await step('checking style (biome)', '@biomejs/biome/bin/biome', ['check', '.'])) runner.passed++;
  else runner.fail('biome check', 'see above; `npx biome check --write` mends most of it');
  if (!files(['src/console']).some((f) => f.endsWith('.svelte'))) return;
  const check = ['--workspace', 'src/console', '--fail-on-warnings', '--output', 'human'];
  if (await step('checking the console (svelte-check)', 'svelte-check/bin/svelte-check', check))
    runner.passed++;
  else runner.fail('svelte-check', 'see above');
}
