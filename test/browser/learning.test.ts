/** The pages of what is learnt, on a real server over a workspace that grows while they are looked at. @limit 300 */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { goalOf } from '../../src/episode/goal.ts';
import { RunFolder } from '../../src/learn/run-folder.ts';
import type { ConditionInput } from '../../src/policy/manifest.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { packageRoot } from '../../src/root.ts';
import type { PolicyListing } from '../../src/server/protocol.ts';
import { EvaluationFiles } from '../../src/session/evaluation-files.ts';
import { type Browser, noChromium, openBrowser } from '../support/browser.ts';
import { dataRobot, writeDataEpisode } from '../support/data-episode.ts';
import { contestant, evaluationOf, factOf } from '../support/evaluation.ts';
import { jointManifest, towards, writeBundle } from '../support/policy.ts';
import { type QuietServer, quietServer } from '../support/quiet-server.ts';
import { recipeText, runFacts } from '../support/run.ts';
import { type Asked, spec } from '../support/scripted-rig.ts';

const part = (id: string): string => `[data-testid="${id}"]`;
const skip = noChromium;
let browser: Browser;
let server: QuietServer;

if (skip === false) {
  before(async () => {
    browser = await openBrowser();
    server = await quietServer();
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });
}

/** Runs `run` on a fresh page at this address and demands that the page reported no errors. */
async function onPage(address: string, run: (page: Page) => Promise<void>): Promise<void> {
  browser.errors.length = 0;
  const page = await browser.page();
  try {
    await page.goto(`${server.url}?render=off${address}`);
    await run(page);
    assert.deepEqual(browser.errors, []);
  } finally {
    await page.close();
  }
}

const shows = (page: Page, id: string, text: RegExp): Promise<void> =>
  page.locator(part(id), { hasText: text }).waitFor();

/** An expression for the page: how many pixels of the plot's canvas have about the colour of this property. */
const painted = (plot: string, property: string): string => `(() => {
  const canvas = document.querySelector('${part(plot)} canvas');
  if (canvas === null) return 0;
  const probe = document.createElement('canvas').getContext('2d');
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('${property}').trim();
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const far = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
    if (data[i + 3] > 128 && far < 60) count++;
  }
  return count;
})()`;

test('training: the curves of a run appear, and grow while its files do', { skip }, async () => {
  const id = '20260131-142501-0001';
  await onPage('#/training', async (page) => {
    await page.locator(part('run-list'), { hasText: 'No training runs yet' }).waitFor();
    const run = RunFolder.create(server.workspace, runFacts(id), recipeText);
    const held = run.hold();
    const trained = (step: number): void =>
      run.metrics.append({
        step,
        time: step / 50,
        loss: 20 / step,
        metrics: {},
        gradNorm: 1,
        lr: 1e-3,
        samplesPerS: 3200,
        waitedMs: 0,
      });
    const looked = (step: number, loss: number): void =>
      run.metrics.append({
        step,
        time: step / 50,
        validation: { loss, metrics: {}, error: { rad: loss / 4 }, samples: 64 },
      });
    for (let step = 10; step <= 500; step += 10) trained(step);

    await page.locator(`${part('run')}[data-state="running"]`).click();
    await page.waitForSelector(`${part('run-details')}[data-step="500"]`);
    await shows(page, 'run-loss', /^0\.04$/);
    await shows(page, 'run-speed', /^3200$/);
    await shows(page, 'run-left', /^30 s$/);
    await shows(page, 'run-recipe', /Reaches for the marker/);
    await page.waitForFunction(`${painted('run-plot-loss', '--series-1')} > 100`);
    assert.equal(await page.evaluate(painted('run-plot-loss', '--series-2')), 0, 'not yet looked');

    looked(500, 0.07);
    for (let step = 510; step <= 700; step += 10) trained(step);
    looked(700, 0.05);
    run.report({ step: 700, elapsed: 14, best: { step: 700, error: 0.05 } });
    await page.waitForSelector(`${part('run-details')}[data-step="700"]`);
    await shows(page, 'run-held-out', /^0\.05$/);
    await shows(page, 'run-best', /^0\.05$/);
    await shows(page, 'run-plot-error-rad', /0\.0125/);
    await page.waitForFunction(`${painted('run-plot-loss', '--series-2')} > 20`);
    await page.waitForFunction(`${painted('run-plot-error', '--series-1')} > 20`);

    // Its process is killed; somebody resumes from an earlier checkpoint.
    held[Symbol.dispose]();
    await page.waitForSelector(`${part('run-details')}[data-state="killed"]`);
    run.metrics.rewind(300);
    run.report({ state: 'stopped', reason: 'stopped by hand', step: 300, elapsed: 6 });
    await page.waitForSelector(`${part('run-details')}[data-state="stopped"][data-step="300"]`);
    await shows(page, 'run-reason', /stopped by hand/);
    await shows(page, 'run-held-out', /^–$/);
  });
});

test('training: a run that is not there is said in words', { skip }, () =>
  onPage('#/training/20260131-142501-ffff', async (page) => {
    await shows(page, 'run-trouble', /there is no run/);
    // A refused request is an error on the browser's own console too.
    browser.errors.splice(0, browser.errors.length, ...browser.errors.filter((e) => !e.includes('404')));
  }),
);

function start(...args: string[]): ChildProcessWithoutNullStreams {
  const main = join(packageRoot(), 'dist', 'src', 'main.js');
  return spawn(process.execPath, [main, ...args, '--workspace', server.workspace]);
}

/** Runs a command of armloop on the server's workspace; its output. Rejects when it fails. */
const armloop = (...args: string[]): Promise<string> => ended(start(...args));

async function ended(child: ChildProcessWithoutNullStreams): Promise<string> {
  let output = '';
  const hear = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, output);
  return output.trim();
}

/**
 * Stops the process of a collection (SIGSTOP) while an attempt runs and others have ended, however fast it is; SIGCONT
 * lets it go on.
 */
async function heldAmid(child: ChildProcessWithoutNullStreams, id: string): Promise<void> {
  const ledger = join(server.workspace, 'collections', id, 'ledger.jsonl');
  const amid = (): boolean => {
    const lines = existsSync(ledger) ? readFileSync(ledger, 'utf8').trimEnd().split('\n') : [];
    return lines.some((l) => l.includes('"fact":"finished"')) && lines.at(-1)!.includes('"fact":"started"');
  };
  for (;;) {
    assert.equal(child.exitCode, null, 'the collection ended before it could be held');
    if (amid()) {
      child.kill('SIGSTOP');
      if (amid()) return;
      child.kill('SIGCONT');
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const recipe = `
name: reach-joints
description: Reaches from joint angles
data: { validation: 0.34 }
observation:
  rateHz: 20
  states: [{ name: joints, features: [{ field: in.q }, { field: in.qd }] }]
action: { horizon: 8 }
training: { steps: 120, batch: 32, logEvery: 5, validateEvery: 40, checkpointEvery: 60 }
`;

test('collecting and training by command: the pages follow from the first attempt to the policy', {
  skip,
}, async (t) => {
  const [collected, trained] = ['20260201-120000-c011', '20260201-130000-7a1e'];
  await onPage('#/collections', async (page) => {
    await page.locator(part('collection-list'), { hasText: 'No collections yet' }).waitFor();
    const child = start(
      ...['collect', '--teacher', '--task', 'reach', '--episodes', '24', '--cameras', 'none'],
      ...['--vary', 'appearance', '--workers', '1', '--id', collected],
    );
    t.after(() => child.kill('SIGKILL'));
    const collecting = ended(child);
    const following = async (): Promise<void> => {
      await heldAmid(child, collected);
      await page.locator(`${part('collection')}[data-state="running"]`).click();
      await page.waitForSelector(`${part('collection-details')}[data-state="running"]`);
      await shows(page, 'collection-running', /^1$/);
      await page
        .locator(`${part('attempt')}[data-success="true"]`)
        .first()
        .waitFor();
      child.kill('SIGCONT');
    };
    // Both at once: a command that fails ends the test at once.
    const [output] = await Promise.all([collecting, following()]);
    t.diagnostic(output);
    await page.waitForSelector(`${part('collection-details')}[data-state="done"][data-attempts="24"]`);
    await shows(page, 'collection-progress', /24 of 24 episodes/);
    await shows(page, 'collection-rate', /^100 %$/);
    await shows(page, 'reason-success', /^24$/);
    await shows(page, 'budget-failures-in-a-row', /^0 of 20$/);
    await page.locator(part('spreads'), { hasText: /\d/ }).waitFor();
    await page.waitForFunction(`${painted('collection-plot', '--series-1')} > 20`);

    const [report] = await Promise.all([
      page.context().waitForEvent('page'),
      page.click(part('collection-report')),
    ]);
    await report.locator('h1', { hasText: '24 episodes by the teacher' }).waitFor();
    await report.close();
    // An attempt leads to its episode.
    await page.locator(part('attempt-episode')).first().click();
    await page.waitForSelector(`${part('episode-details')}[data-id^="${collected}"]`);
    await page.waitForSelector(part('playback'));
  });

  const file = join(server.workspace, 'recipe.yaml');
  writeFileSync(file, recipe);
  await onPage('#/training', async (page) => {
    const following = async (): Promise<void> => {
      await page.locator(`${part('run')}[data-id="${trained}"]`).click();
      await page.waitForSelector(`${part('run-details')}:not([data-step="0"])`);
    };
    const [output] = await Promise.all([armloop('train', file, '--run', trained), following()]);
    t.diagnostic(output);
    await page.waitForSelector(`${part('run-details')}[data-state="finished"][data-step="120"]`);
    await page.waitForFunction(`${painted('run-plot-loss', '--series-1')} > 20`);
    await page.waitForFunction(`${painted('run-plot-loss', '--series-2')} > 8`);
    await shows(page, 'run-recipe', /Reaches from joint angles/);
    await page.waitForSelector(part('run-policy'));
  });
});

test('a policy that takes a goal is deployed with the end of an episode', { skip }, async () => {
  const { rig, workspace } = server;
  const base = jointManifest(spec);
  const features = [{ field: 'in.q', encode: 'raw', unit: 'axis', width: 8 }] as const;
  const condition: ConditionInput = { kind: 'condition', name: 'goal', features: [...features] };
  const manifest = { ...base, name: 'goer', inputs: [...base.inputs, condition] };
  const home = spec.axes.map((a) => a.home);
  writeBundle(join(workspace, 'policies', 'goer'), manifest, towards(home, 8, 0.02));
  const files = new EpisodeFiles(workspace);
  files.makeFolders();
  const robot = dataRobot({ cameras: [] });
  await writeDataEpisode(files, 'shown', { seed: 1, frames: 'none', label: 'success', spec: robot });
  const listing: PolicyListing = {
    ...{
      name: 'goer',
      description: '',
      tasks: [],
      conditions: [],
      goal: ['in.q'],
      execution: 'asynchronous',
    },
    ...{ rateHz: 20, evaluation: null, problems: [] },
  };
  rig.answer = (method) =>
    method === 'policy.list' ? [listing] : method === 'lease.take' ? { lease: 3 } : { seq: 1 };
  await onPage('#/policies/goer', async (page) => {
    await page.waitForSelector(`${part('policy-deploy')}[disabled][title*="its goal"]`);
    await page.selectOption(part('policy-goal'), 'shown');
    await page.click(part('policy-deploy'));
    await page.waitForSelector(`${part('policy-deploy')}`, { state: 'detached' });
    const asked = (): Asked | undefined => rig.asked.find((a) => a.method === 'policy.deploy');
    while (asked() === undefined) await page.waitForTimeout(20);
    const goal = await goalOf(files, 'shown', features);
    assert.deepEqual(asked()!.params, { lease: 3, policy: 'goer', goal });
  });
});

test('evaluations: results, verdict and report', { skip }, async () => {
  const files = new EvaluationFiles(server.workspace);
  const evaluation = evaluationOf([0, 1, 2, 3], [contestant('A', 'first'), contestant('B', 'second')]);
  files.write(evaluation);
  using ledger = files.openLedger(evaluation.id);
  ledger.append(factOf('A', 0, true));
  ledger.append(factOf('B', 0, false));
  await onPage(`#/evaluations/${evaluation.id}`, async (page) => {
    await shows(page, 'result-A-rate', /^100 %$/);
    await shows(page, 'result-B-rate', /^0 %$/);
    await shows(page, 'evaluation-verdict', /^No verdict, n is too small/);
    ledger.append(factOf('A', 1, false));
    await shows(page, 'result-A-rate', /^50 %$/);
    await shows(page, 'result-A-count', /^1 of 2$/);
    const [report] = await Promise.all([
      page.context().waitForEvent('page'),
      page.click(part('evaluation-report')),
    ]);
    await report.locator('h1', { hasText: 'first against second' }).waitFor();
    await report.close();
  });
});
