/**
 * A person in a real browser, on a real `armloop up`: picks a policy, deploys it, watches it succeed, takes over with
 * keys, hands back and stops; the recorded episode tells who drove when, tick by tick and on the page.
 * @alone @limit 600
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { loadRobot } from '../../src/config.ts';
import { IkSolver } from '../../src/control/ik.ts';
import { Episode } from '../../src/episode/episode.ts';
import { loadKinematics } from '../../src/model/load.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { Mode, Source } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import { type Browser, noChromium, openBrowser } from '../support/browser.ts';
import { Pilot } from '../support/pilot.ts';
import { jointManifest, towards, writeBundle } from '../support/policy.ts';
import { Published } from '../support/published.ts';
import { startUp, type Up } from '../support/up.ts';

const part = (id: string): string => `[data-testid="${id}"]`;
const skip = noChromium;
/** The bundle that ships with armloop: seen through cameras, so only where it is there. */
const SHIPPED = 'pick-cube-pixels';
const shipped = existsSync(join(packageRoot(), 'policies', SHIPPED, 'policy.json'));
/** Far more than any of this takes on a quiet machine. */
const PATIENCE_S = 120;

let browser: Browser;

if (skip === false) {
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.[Symbol.asyncDispose]());
}

/** Writes a bundle that goes to the marker of the running scene, wherever the arm is, and fits or does not. */
function writeReacher(up: Up, live: Published): void {
  const spec = loadRobot(join(packageRoot(), 'robots', 'panda-sim.yaml'));
  const marker = live.body('target');
  const goal = Float64Array.of(...marker.subarray(0, 3), ...live.values('tool').subarray(3));
  const q = new Float64Array(spec.axes.length);
  const home = Float64Array.from(spec.axes, (a) => a.home);
  assert.ok(
    new IkSolver(spec, loadKinematics(spec)).solve(goal, home, q).solved,
    'the marker can be reached',
  );
  q[spec.gripperAxis] = home[spec.gripperAxis]!;
  const m = jointManifest(spec);
  // Patient with a busy machine: this is about who drives.
  const manifest = {
    ...m,
    name: 'reacher',
    description: 'Goes to the marker',
    tasks: ['Bring the tool to the marker and hold it there'],
    latencyMs: 200,
    observation: { steps: 1, maxAgeMs: 3000 },
    chunk: { ...m.chunk, every: 2 },
  };
  const folder = (name: string): string => join(up.workspace, 'policies', name);
  writeBundle(folder('reacher'), manifest, towards(q, m.chunk.horizon, 0.02));
  const other = { ...manifest, name: 'other-arm', robot: { ...m.robot, ids: ['another-arm'] } };
  writeBundle(folder('other-arm'), other, towards(q, m.chunk.horizon, 0.02));
}

async function open(up: Up, address: string): Promise<Page> {
  browser.errors.length = 0;
  const page = await browser.page();
  await page.goto(`${up.url}?render=off${address}`);
  await page.waitForSelector(`${part('mode')}[data-mode="holding"]`);
  return page;
}

/** Errors on the page's own console. A refused request is shown to the operator, who acts on it. */
const troubles = (): string[] => browser.errors.filter((e) => !/40[39]/.test(e));

const drives = (page: Page, who: string) =>
  page.waitForSelector(`${part('policy-panel')}[data-drives="${who}"]`);

/**
 * The policy drives until a state is reached. A busy machine may stop the arm meanwhile; then the stop is cleared and
 * the policy is given the arm again, as a person would.
 */
async function driven(
  page: Page,
  live: Published,
  pilot: Pilot,
  what: string,
  met: () => boolean,
): Promise<void> {
  const driving = (): boolean => live.value('source') === Source.policy && live.value('mode') === Mode.active;
  const end = Date.now() + PATIENCE_S * 1000;
  while (!(met() && driving())) {
    assert.ok(Date.now() < end, `waited for ${what}`);
    await pilot.recover();
    if (live.value('mode') === Mode.holding && live.session.policy?.state === 'ready')
      await page.keyboard.press('p');
    await live.next();
  }
}

/** Deploys from the page of the policy. On a busy machine control may be lost before it is loaded: then once more. */
async function deploy(page: Page, t: TestContext): Promise<void> {
  for (let tries = 1; ; tries++) {
    await page.click(part('policy-deploy'));
    const seen = page.locator(`${part('policy-panel')}, ${part('toast-error')}`).first();
    await seen.waitFor();
    if (await page.isVisible(part('policy-panel'))) return;
    const said = (await page.locator(part('toast-error')).allTextContents()).join(' | ');
    assert.ok(tries < 5, said);
    t.diagnostic(`once more: ${said.trim()}`);
    for (const close of await page.locator(part('toast-close')).all()) await close.click();
    await page.waitForSelector(`${part('policy-deploy')}:enabled`);
  }
}

/** The order in which sources drove, safety and nobody left out. */
async function whoDrove(up: Up, id: string): Promise<number[]> {
  await using episode = await Episode.open(new EpisodeFiles(up.workspace), id);
  const at = episode.tickLayout.at('out.source');
  const order: number[] = [];
  await episode.ticks((block) => {
    const source = block[at]!;
    if ((source === Source.policy || source === Source.human) && order.at(-1) !== source) order.push(source);
  });
  return order;
}

function tell(t: TestContext, up: Up, live: Published): void {
  for (const line of up.output().trim().split('\n').slice(-3)) t.diagnostic(line);
  for (const e of live.session.events.slice(-8)) t.diagnostic(`${e.level}: ${e.text}`);
}

test('pick a policy, deploy, watch it succeed, take over with keys, hand back, stop; who drove when', {
  skip,
}, async (t) => {
  await using up = await startUp(['panda-sim', '--task', 'reach', '--seed', '4']);
  const live = await Published.open(up.url);
  try {
    writeReacher(up, live);
    const page = await open(up, '#/policies');

    // One that is made for another robot says so, and cannot be deployed.
    await page.locator(`${part('policy')}[data-id="other-arm"][data-state="does not fit"]`).click();
    await page.locator(part('policy-problems'), { hasText: 'it is made for another-arm' }).waitFor();
    assert.ok(await page.isDisabled(part('policy-deploy')));

    await page.locator(`${part('policy')}[data-id="reacher"][data-state="fits"]`).click();
    await page.locator(part('policy-contract'), { hasText: 'in.q' }).waitFor();
    await page.locator(part('policy-contract'), { hasText: '8 steps (400 ms)' }).waitFor();

    // The recording begins before the policy, so that the episode has all of it.
    await page.click(part('nav-live'));
    await page.fill(part('operator-name'), 'Ada');
    await page.locator(part('operator-name')).blur();
    await page.keyboard.press('t');
    await page.waitForSelector(`${part('lease')}:not([data-lease="0"])`);
    await page.keyboard.press('Enter');
    await page.waitForSelector(`${part('record-panel')}[data-state="recording"]`);
    const episode = await live.recording();

    await page.click(part('nav-policies'));
    await page.locator(`${part('policy')}[data-id="reacher"]`).click();
    await deploy(page, t);
    const pilot = new Pilot(page, live, (text) => t.diagnostic(text));
    await driven(page, live, pilot, 'success judged by the task', () => live.value('success') === 1);
    await drives(page, 'policy');
    assert.match((await page.textContent(part('policy-age'))) ?? '', /\d.*s/);
    assert.match((await page.textContent(part('policy-inference'))) ?? '', /\d.*s/);
    assert.ok(live.value('policy.chunks') > 2);
    // Whatever the header has to tell, the stop stays in sight.
    const stop = await page.locator(part('estop')).boundingBox();
    const width = page.viewportSize()?.width ?? 0;
    assert.ok(stop !== null && stop.x >= 0 && stop.x + stop.width <= width, `${stop?.x} in ${width}`);

    // Any motion key takes over; let go, the arm holds for whoever is next.
    const height = live.value('tool', 2);
    await pilot.holdUntil(
      'r',
      'a person lifting the arm',
      () => live.value('source') === Source.human && live.value('tool', 2) > height + 0.05,
      PATIENCE_S,
    );
    await drives(page, 'operator');
    await page.waitForSelector(`${part('policy-panel')}[data-state="ready"]`);
    assert.equal(live.value('policy.loaded'), 1, 'it stays ready');

    await page.keyboard.press('p');
    const there = (): boolean =>
      live.value('success') === 1 && Math.abs(live.value('tool', 2) - height) < 0.02;
    await driven(page, live, pilot, 'the marker reached again', there);

    await page.keyboard.press('Shift+P');
    await page.waitForSelector(part('policy-panel'), { state: 'detached' });
    await live.until(
      'holding',
      () => live.value('mode') === Mode.holding && live.value('policy.loaded') === 0,
    );
    await page.keyboard.press('y');
    await page.waitForSelector(`${part('record-panel')}[data-state="idle"]`);

    assert.deepEqual(await whoDrove(up, episode), [Source.policy, Source.human, Source.policy]);
    await page.click(part('nav-episodes'));
    await page.locator(`${part('episode')}[data-id="${episode}"][data-label="success"]`).click();
    await page.locator(part('source-span')).first().waitFor({ state: 'attached' });
    const spans = await page
      .locator(part('source-span'))
      .evaluateAll((all) => all.map((s) => s.getAttribute('data-source')));
    const shown = spans.filter(
      (s, i) =>
        (s === 'policy' || s === 'human') &&
        spans.slice(0, i).findLast((b) => b === 'policy' || b === 'human') !== s,
    );
    assert.deepEqual(shown, ['policy', 'human', 'policy']);
    assert.deepEqual(troubles(), []);
    await page.close();
  } finally {
    tell(t, up, live);
    await live.close();
  }
});

// Only where the bundle has been made.
if (shipped) {
  test('the policy that ships with armloop lifts the cube', { skip }, async (t) => {
    await using up = await startUp(['panda-sim', '--task', 'pick-cube', '--seed', '4']);
    const live = await Published.open(up.url);
    try {
      const page = await open(up, `#/policies/${SHIPPED}`);
      // One button: it takes control as well.
      await deploy(page, t);
      const pilot = new Pilot(page, live, (text) => t.diagnostic(text));
      await driven(page, live, pilot, 'success judged by the task', () => live.value('success') === 1);
      await page.click(part('policy-stop'));
      await live.until('holding', () => live.value('mode') === Mode.holding);
      assert.deepEqual(troubles(), []);
      await page.close();
    } finally {
      tell(t, up, live);
      await live.close();
    }
  });
}
