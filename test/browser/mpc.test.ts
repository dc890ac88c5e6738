/**
 * A person in a real browser, on a real `armloop up`: starts a planner, drags its target with the mouse and the arm
 * follows; pushes the arm with the mouse, it yields and comes back; changes a weight; stops. Judged by what the rig
 * publishes.
 * @alone @limit 400
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { Episode } from '../../src/episode/episode.ts';
import { quatRotate } from '../../src/math/quat.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { Mode, Reason, Source } from '../../src/robot/tick.ts';
import { type Browser, noChromium, openBrowser } from '../support/browser.ts';
import { Pilot } from '../support/pilot.ts';
import { Published } from '../support/published.ts';
import { startUp } from '../support/up.ts';
import { type Box, project } from '../support/view.ts';

const part = (id: string): string => `[data-testid="${id}"]`;
const CANVAS = `${part('view3d')} canvas`;
/** Far more than any of this takes on a quiet machine. */
const PATIENCE_S = 90;
/** m: how near the tool is when it is at its target, and how far off it at least when the arm is pushed. */
const THERE = 0.01;
const OFF = 0.04;

let browser: Browser;
if (noChromium === false) {
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.[Symbol.asyncDispose]());
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!);

class Scene {
  readonly page: Page;
  readonly live: Published;
  readonly pilot: Pilot;

  constructor(page: Page, live: Published, t: TestContext) {
    this.page = page;
    this.live = live;
    this.pilot = new Pilot(page, live, (text) => t.diagnostic(text));
  }

  get tool(): Float64Array {
    return this.live.values('tool');
  }

  /** Of the planner, in the base. */
  get target(): readonly number[] {
    const target = this.live.session.planner?.target;
    assert.ok(target !== null && target !== undefined && 'pose' in target, 'the planner aims at a pose');
    return target.pose;
  }

  get drives(): boolean {
    return this.live.value('mode') === Mode.active && this.live.value('source') === Source.mpc;
  }

  /** Nobody moves the arm, so that it may be handed over: it holds, or a person has let go of the keys. */
  get #handed(): boolean {
    const mode = this.live.value('mode');
    return mode === Mode.holding || (mode === Mode.active && this.live.value('source') === Source.human);
  }

  /**
   * Until the planner drives and a state is reached. Wherever it is ready and does not drive, after a take-over or a stop
   * that a busy machine made, it is given the arm as a person would.
   */
  async driven(what: string, met: () => boolean): Promise<void> {
    const { live, page } = this;
    const end = Date.now() + PATIENCE_S * 1000;
    while (!(met() && this.drives)) {
      assert.ok(
        Date.now() < end,
        `waited for ${what}; ${distance(this.tool, this.target)} m from the target`,
      );
      // Plans that come too late by torque end as a fault of the controller.
      await this.pilot.recover(Reason.controllerFault);
      if (live.session.planner?.state === 'ready' && this.#handed) {
        await page.keyboard.press('q');
      }
      await live.next();
    }
  }

  get #box(): Promise<Box> {
    return this.page
      .locator(CANVAS)
      .boundingBox()
      .then((box) => {
        assert.ok(box);
        return box;
      });
  }

  /** Moves the mouse over points of the base until the view answers with a cursor: what is there has been drawn by then. */
  async over(points: () => readonly ArrayLike<number>[], cursor: string): Promise<[number, number]> {
    const end = Date.now() + PATIENCE_S * 1000;
    for (let tries = 0; ; tries++) {
      const all = points();
      const [x, y] = project(all[tries % all.length]!, await this.#box);
      await this.page.mouse.move(x + 2, y + 2);
      await this.page.mouse.move(x, y);
      const style = (await this.page.locator(CANVAS).getAttribute('style')) ?? '';
      if (style.includes(`cursor: ${cursor}`)) return [x, y];
      assert.ok(Date.now() < end, `no ${cursor} at ${x.toFixed(0)}, ${y.toFixed(0)}: ${style}`);
      await this.live.next();
    }
  }

  /** Points of the hand beside the handles, which are drawn over its middle. */
  hand(): number[][] {
    const pose = this.live.body('hand');
    return [-0.05, 0.05, -0.075, 0.075].map((y) => {
      const p = Float64Array.of(0, y, 0.035);
      quatRotate(p, 0, pose, 3, p.slice(), 0);
      return [0, 1, 2].map((k) => pose[k]! + p[k]!);
    });
  }
}

test('drag the target, the arm follows; push the arm, it comes back', { skip: noChromium }, async (t) => {
  await using up = await startUp(['panda-sim', '--task', 'reach', '--seed', '4']);
  const live = await Published.open(up.url);
  const page = await browser.page();
  try {
    await page.goto(`${up.url}?render=low`);
    await page.waitForSelector(`${part('mode')}[data-mode="holding"]`);
    const scene = new Scene(page, live, t);
    await page.fill(part('operator-name'), 'Ada');
    await page.locator(part('operator-name')).blur();
    await page.keyboard.press('t');
    await page.waitForSelector(`${part('lease')}:not([data-lease="0"])`);
    await page.keyboard.press('Enter');
    await page.waitForSelector(`${part('record-panel')}[data-state="recording"]`);
    const episode = await live.recording();

    // Torque: the plan feels a push, and what brings the arm back is the planner, not a stiff servo.
    await page.waitForSelector(`${part('planner-start')}:enabled`);
    await page.selectOption(part('planner-task'), 'reach');
    await page.selectOption(part('planner-drive'), 'torque');
    await page.click(part('planner-start'));
    await page.waitForSelector(`${part('planner-panel')}:not([data-state="loading"])`);
    await live.until('its target', () => (live.session.planner?.target ?? null) !== null);
    const home = scene.target.slice(0, 3);
    assert.ok(distance(home, scene.tool) < THERE, 'it begins where the arm is');
    await scene.driven('a plan', () => live.value('planner.plans') > 5);
    await page.waitForSelector(`${part('view3d')}[data-handle="planner"]`);

    const [x, y] = await scene.over(() => [home], 'grab');
    await page.mouse.down();
    await page.mouse.move(x - 30, y + 40, { steps: 5 });
    await page.mouse.move(x - 60, y + 80, { steps: 5 });
    await scene.driven(
      'the arm following while the target is dragged',
      () => distance(scene.tool, home) > 0.05,
    );
    await page.mouse.up();
    const there = (): boolean => distance(scene.tool, scene.target) < THERE;
    const resting = (): boolean => live.values('qd').every((v) => Math.abs(v) < 0.05);
    await scene.driven('the arm at its target', () => there() && resting());
    assert.ok(
      distance(scene.target, home) > 0.1,
      `the target was dragged by ${distance(scene.target, home)} m`,
    );
    // The planned way ends at the target.
    const path = live.values('planner.path');
    assert.ok(distance(path.subarray(path.length - 3), scene.target) < THERE);
    t.diagnostic(`followed over ${distance(scene.target, home).toFixed(3)} m`);

    const held = [...scene.target];
    const [px, py] = await scene.over(() => scene.hand(), 'pointer');
    await page.mouse.down();
    await page.mouse.move(px + 70, py - 20, { steps: 4 });
    await page.mouse.move(px + 140, py - 40, { steps: 4 });
    await scene.driven('the arm giving way', () => distance(scene.tool, held) > OFF);
    const body = (await page.getAttribute(part('view3d'), 'data-pushed')) ?? '';
    assert.match(body, /^(link7|hand)$/);
    await page.mouse.up();
    await scene.driven('the arm back at its target', () => there() && resting());
    assert.deepEqual([...scene.target], held, 'pushing the arm does not move its target');
    await page.waitForSelector(`${part('view3d')}[data-pushed=""]`);

    await page.click(part('planner-tab-weights'));
    await page.locator(part('weight-position')).fill('3');
    const weight = (): number => live.session.planner?.terms.find((x) => x.name === 'position')?.weight ?? 0;
    await live.until('the weight', () => weight() === 1000);
    await page.waitForSelector(part('plot-cost-position'));
    await page.click(part('planner-tab-target'));
    await page.fill(part('planner-z'), (held[2]! + 0.05).toFixed(3));
    await page.keyboard.press('Enter');
    await scene.driven('a target by numbers', () => scene.target[2]! > held[2]! + 0.04 && there());

    // Any motion key takes over; then the planner is handed the arm again.
    const height = live.value('tool', 2);
    await scene.pilot.holdUntil(
      'r',
      'a person lifting the arm',
      () => live.value('source') === Source.human && live.value('tool', 2) > height + 0.05,
      PATIENCE_S,
    );
    await page.waitForSelector(`${part('planner-panel')}[data-state="ready"]`);
    await scene.driven('the arm back once more', there);

    await page.keyboard.press('Shift+Q');
    await page.waitForSelector(part('planner-panel'), { state: 'detached' });
    await live.until(
      'holding',
      () => live.value('mode') === Mode.holding && live.value('planner.loaded') === 0,
    );
    await page.keyboard.press('y');
    await page.waitForSelector(`${part('record-panel')}[data-state="idle"]`);
    const told = live.session.events.map((e) => e.text);
    assert.ok(told.includes(`Ada pushes ${body}.`), told.join('\n'));
    await assertLogged(up.workspace, episode, `Ada pushes ${body}.`);
    // A refused request (409) is shown to the operator, who acts on it.
    assert.deepEqual(
      browser.errors.filter((e) => !e.includes('409')),
      [],
    );
  } finally {
    for (const said of await page.locator(part('toasts')).allTextContents())
      if (said.trim() !== '') t.diagnostic(`the page says: ${said.trim()}`);
    for (const e of live.session.events.slice(-12)) t.diagnostic(`${e.level}: ${e.text}`);
    await page.close();
    await live.close();
  }
});

async function assertLogged(workspace: string, id: string, text: string): Promise<void> {
  await using episode = await Episode.open(new EpisodeFiles(workspace), id);
  let found = 0;
  await episode.messages({
    '/events': ({ data }) => {
      if (Buffer.from(data).includes(text)) found++;
    },
  });
  assert.ok(found > 0, `"${text}" is in the log of the episode`);
}
