/** The planner's panel, plot and handles against made-up state: what they show, what they send. @limit 180 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Mode, Source } from '../../src/robot/tick.ts';
import { type Browser, noChromium, openBrowser } from '../support/browser.ts';
import type { FakeRig } from '../support/fake-rig.ts';
import { part, runOnPage, type Scene, takeControl, text } from '../support/on-page.ts';
import { project } from '../support/view.ts';

let browser: Browser;
if (noChromium === false) {
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser[Symbol.asyncDispose]());
}

const onPage = (query: string, run: (scene: Scene) => Promise<void>, expected?: RegExp) => () =>
  runOnPage(browser, query, run, expected);

const sent = (rig: FakeRig, what: string): Record<string, unknown>[] =>
  rig.posts.filter((p) => p.path === `/api/${what}`).map((p) => p.body);

interface Aim {
  readonly kind?: string;
  readonly pose: readonly number[];
  readonly q: readonly number[];
  readonly amplitude: readonly number[];
  readonly period: number;
}

/** What the planner aims at, whatever the kind: what a kind has not is empty. */
function aim(rig: FakeRig): Aim {
  return { pose: [], q: [], amplitude: [], period: Number.NaN, ...rig.session.planner?.target };
}

async function start({ page }: Scene, task: string): Promise<void> {
  await page.waitForSelector(`${part('planner-start')}:enabled`);
  await page.selectOption(part('planner-task'), task);
  await page.click(part('planner-start'));
  await page.waitForSelector(`${part('planner-panel')}[data-drives="planner"]`);
}

test(
  'start takes control, and aims where the tool is; figures, failures and words are shown',
  { skip: noChromium },
  onPage('?render=off', async (scene) => {
    const { page, rig } = scene;
    await start(scene, 'reach');
    const [started] = sent(rig, 'planner/start');
    assert.deepEqual(started?.['target'], { kind: 'pose', pose: [0.45, 0, 0.4, 1, 0, 0, 0] });
    assert.ok(Number(started?.['lease']) > 0);
    assert.match(await text(page, 'planner-name'), /reach · position · 50 × 20 ms/);
    assert.match(await text(page, 'planner-who'), /The planner drives/);
    assert.equal(await page.locator(part('planner-problem')).count(), 0);

    rig.set('planner.age', 0.004);
    rig.set('planner.rate', 312);
    rig.set('planner.solveP50', 0.0021);
    rig.set('planner.solveP99', 0.0098);
    rig.set('planner.lead', 0.0031);
    rig.set('planner.failed', 7);
    rig.set('planner.terms', 0.5, 0.02, 0.3, 1e-9, 0, 0);
    rig.update({
      planner: { ...rig.session.planner!, problem: 'the cost at stage 3 gave NaN' },
    });
    await page.waitForSelector(part('planner-problem'));
    assert.match(await text(page, 'planner-problem'), /the cost at stage 3 gave NaN.*last good plan/);
    await page.locator(part('planner-failed'), { hasText: '7' }).waitFor();
    for (const [id, words] of [
      ['planner-age', '4.0 ms'],
      ['planner-rate', '312 /s'],
      ['planner-p50', '2.1 ms'],
      ['planner-p99', '9.8 ms'],
      ['planner-lead', '3.1 ms'],
    ] as const)
      assert.equal(await text(page, id), words);
    await page.locator(part('plot-cost-position'), { hasText: '0.5' }).waitFor();
    assert.match(await text(page, 'plot-cost-effort'), /effort\s*0$/);

    // Held, it stays ready; Q hands the arm back, Shift Q puts it away.
    await page.click(part('planner-hold'));
    await page.waitForSelector(`${part('planner-panel')}[data-drives="nobody"]`);
    assert.match(await text(page, 'planner-hint'), /ready: hand over with Q/);
    // A latched stop is said as such, and there is nothing to hand over until it is cleared.
    rig.set('mode', Mode.stopped);
    await page.waitForSelector(`${part('planner-hand-over')}:disabled`);
    assert.match(await text(page, 'planner-who'), /the arm is stopped/);
    assert.match(await text(page, 'planner-hint'), /Clear the stop/);
    rig.set('mode', Mode.holding);
    await page.waitForSelector(`${part('planner-hand-over')}:enabled`);
    await page.keyboard.press('q');
    await page.waitForSelector(`${part('planner-panel')}[data-drives="planner"]`);
    await page.keyboard.press('Shift+Q');
    await page.waitForSelector(part('planner-start-panel'));
    await page.waitForSelector(part('plot-lateness'));
    assert.deepEqual(
      rig.posts.filter((p) => p.path.startsWith('/api/planner')).map((p) => p.path.slice(13)),
      ['start', 'resume', 'stop'],
    );
  }),
);

test(
  'tasks that the scene has nothing for are not to be started',
  { skip: noChromium },
  onPage('?render=off', async ({ page, rig }) => {
    await page.waitForSelector(`${part('planner-start')}:enabled`);
    const disabled = (): Promise<string[]> =>
      page.locator(`${part('planner-task')} option:disabled`).allTextContents();
    assert.deepEqual(await disabled(), ['push']);
    await page.selectOption(part('planner-task'), 'phases');
    await page.waitForSelector(`${part('planner-start')}:enabled`);
    rig.update({ task: { ...rig.session.task!, planning: ['scene'] } });
    await page.waitForSelector(`${part('planner-start')}:disabled`);
    assert.deepEqual(await disabled(), ['phases']);
    assert.match(
      (await page.getAttribute(part('planner-start'), 'title')) ?? '',
      /scene pick-cube has nothing/,
    );
  }),
);

test(
  'stopping is not lost while handing over is still being answered',
  { skip: noChromium },
  onPage('?render=off', async (scene) => {
    const { page, rig } = scene;
    await start(scene, 'reach');
    await page.click(part('planner-hold'));
    await page.waitForSelector(`${part('planner-hand-over')}:enabled`);
    let answer = (): void => {};
    const asked = new Promise<void>((resolve) => {
      void page.route('**/api/planner/resume', async (route) => {
        const answered = new Promise<void>((go) => {
          answer = go;
        });
        resolve();
        await answered;
        await route.continue();
      });
    });
    await page.keyboard.press('q');
    await asked;
    await page.keyboard.press('Shift+Q');
    await page.keyboard.press('Shift+Q');
    assert.equal(sent(rig, 'planner/stop').length, 0);
    answer();
    await page.waitForSelector(part('planner-start-panel'));
    assert.equal(sent(rig, 'planner/stop').length, 1);
  }),
);

test(
  'weights go out while the slider moves, the final one with it; numbers set one alone; both can be put back',
  { skip: noChromium },
  onPage('?render=off', async (scene) => {
    const { page, rig, until } = scene;
    await start(scene, 'reach');
    await page.click(part('planner-tab-weights'));
    const term = (name: string) => rig.session.planner?.terms.find((t) => t.name === name);
    assert.equal(await page.inputValue(part('weight-value-speed')), '0.2');
    await page.locator(part('weight-speed')).fill('1');
    await until('ten times', () => term('speed')?.weight === 10 && term('speed')?.final === 50);
    assert.equal(await page.inputValue(part('weight-value-speed')), '10');
    await page.fill(part('final-value-speed'), '2.5');
    await page.keyboard.press('Enter');
    await until('the final one', () => term('speed')?.weight === 10 && term('speed')?.final === 2.5);
    await page.locator(part('weight-orientation')).fill('-3');
    await until('off', () => term('orientation')?.weight === 0 && term('orientation')?.final === 0);
    // A focused slider does not take the key that holds the arm.
    await page.locator(part('weight-orientation')).focus();
    await page.keyboard.press('Space');
    await until('a hold', () => sent(rig, 'request').some((r) => r['kind'] === 'hold'));
    await page.click(part('weights-back'));
    await until('as listed', () => term('speed')?.weight === 0.2 && term('orientation')?.final === 6);
    await page.waitForSelector(`${part('weights-back')}:disabled`);
  }),
);

test(
  'targets by numbers: pose in metres and degrees, figures, joints',
  { skip: noChromium },
  onPage('?render=off', async (scene) => {
    const { page, rig, until } = scene;
    await start(scene, 'track');
    const target = (): Aim => aim(rig);
    assert.equal(target().kind, 'path');
    await page.selectOption(part('planner-figure'), 'line');
    await until('a line', () => String(target().amplitude) === '0,0.1,0');
    await page.fill(part('planner-size'), '0.2');
    await page.keyboard.press('Enter');
    await page.fill(part('planner-period'), '6');
    await page.keyboard.press('Enter');
    await until('size and period', () => String(target().amplitude) === '0,0.2,0' && target().period === 6);
    await page.fill(part('planner-x'), '0.52');
    await page.keyboard.press('Enter');
    await until(
      'another middle',
      () => target().pose[0] === 0.52 && String(target().amplitude) === '0,0.2,0',
    );
    await page.click(part('planner-kind-pose'));
    await until('a pose', () => target().kind === 'pose' && target().pose[0] === 0.45);
    await page.fill(part('planner-yaw'), '90');
    await page.keyboard.press('Enter');
    // Half a turn about x, then a quarter about z.
    const half = Math.SQRT1_2;
    await until('turned', () =>
      [half, half, 0, 0].every((v, i) => Math.abs(target().pose[3 + i]! - v) < 1e-9),
    );
    // What is no number changes nothing.
    const before = sent(rig, 'planner/set').length;
    await page.fill(part('planner-z'), '');
    await page.keyboard.press('Enter');
    await until('the number back', async () => (await page.inputValue(part('planner-z'))) === '0.4');
    assert.equal(sent(rig, 'planner/set').length, before);

    await page.keyboard.press('Shift+Q');
    await start(scene, 'joints');
    await page.fill(part('planner-joint-2'), '-45');
    await page.keyboard.press('Enter');
    await until('a joint', () => Math.abs(target().q[1]! + Math.PI / 4) < 1e-9);
    assert.equal(target().q.length, 7);
  }),
);

test(
  'a refusal is shown in words, and the number is what it was; a watcher may look but not touch',
  { skip: noChromium },
  onPage(
    '?render=off',
    async (scene) => {
      const { page, rig, until } = scene;
      await start(scene, 'reach');
      rig.refuse.set('/api/planner/set', {
        code: 'PLAN_PROBLEM_INVALID',
        message: 'too far',
        todo: 'Nearer.',
      });
      await page.fill(part('planner-x'), '9');
      await page.keyboard.press('Enter');
      await page.waitForSelector(part('toast-error'));
      assert.match(await text(page, 'toast-error'), /too far\s*Nearer\./);
      await until('the number back', async () => (await page.inputValue(part('planner-x'))) === '0.45');
      rig.dropLease('no input');
      rig.leaseHolder = 'Grace';
      rig.update({ lease: { id: 9, operator: 'Grace' } });
      await page.waitForSelector(`${part('planner-x')}:disabled`);
      await page.waitForSelector(`${part('planner-stop')}:disabled`);
      assert.match(await text(page, 'planner-hint'), /Somebody else has control/);
    },
    /409/,
  ),
);

test(
  'the handle moves the target; elsewhere on the arm the mouse pushes, and lets go',
  { skip: noChromium },
  onPage('?render=low', async (scene) => {
    const { page, rig, until } = scene;
    await takeControl(scene);
    await start(scene, 'reach');
    const canvas = page.locator(`${part('view3d')} canvas`);
    const box = (await canvas.boundingBox())!;
    const over = (point: readonly number[], cursor: string): Promise<[number, number]> => {
      const at = project(point, box);
      return until(`${cursor} at ${point}`, async () => {
        await page.mouse.move(at[0] + 2, at[1] + 2);
        await page.mouse.move(...at);
        return ((await canvas.getAttribute('style')) ?? '').includes(`cursor: ${cursor}`);
      }).then(() => at);
    };
    const [x, y] = await over([0.45, 0, 0.4], 'grab');
    await page.mouse.down();
    await page.mouse.move(x, y - 30, { steps: 4 });
    await page.mouse.move(x, y - 60, { steps: 4 });
    await until('the target above', () => aim(rig).pose[2]! > 0.42);
    await page.mouse.up();
    assert.equal(rig.posts.filter((p) => p.body['controller'] === 'pose').length, 0, 'nobody took over');
    assert.equal(sent(rig, 'scene/push').length, 0);

    // The cube lies apart from the handles.
    const [cx, cy] = await over([0.5, 0.1, 0.03], 'pointer');
    await page.mouse.down();
    await page.mouse.move(cx + 50, cy - 50, { steps: 4 });
    await until('a push', () => sent(rig, 'scene/push').length > 2);
    assert.equal(await page.getAttribute(part('view3d'), 'data-pushed'), 'cube');
    const push = sent(rig, 'scene/push').at(-1)!;
    const [point, towards] = [push['point'] as number[], push['towards'] as number[]];
    assert.equal(push['body'], 'cube');
    assert.ok(
      point.every((v) => Math.abs(v) < 0.021),
      `held on its surface, at ${point}`,
    );
    assert.ok(towards[2]! > 0.05, `pulled up, to ${towards}`);
    await page.mouse.up();
    await until('the end', () => sent(rig, 'scene/push').at(-1)!['seconds'] === 0);
    await page.waitForSelector(`${part('view3d')}[data-pushed=""]`);

    // The table does not give way: there the mouse turns the view.
    const pushes = sent(rig, 'scene/push').length;
    const [tx, ty] = project([0.7, -0.3, 0], box);
    await page.mouse.move(tx, ty);
    await page.mouse.down();
    await page.mouse.move(tx + 80, ty, { steps: 4 });
    await page.mouse.up();
    assert.equal(await page.getAttribute(part('view3d'), 'data-pushed'), '');
    assert.equal(sent(rig, 'scene/push').length, pushes);

    // In Target mode the handle is the operator's.
    await page.click(part('mode-pose'));
    await page.waitForSelector(`${part('view3d')}[data-handle="operator"]`);
    rig.set('mode', Mode.holding);
    rig.set('source', Source.none);
  }),
);
