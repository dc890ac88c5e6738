/**
 * Takes the pictures of docs/images from a running console, in a simulated rig of its own:
 *   npm run build && node scripts/screenshots.mjs [FOLDER [WORD...]]
 * With words, only pictures that have one in their name.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { Mode, Reason } from '../dist/src/robot/tick.js';
import { openBrowser } from '../dist/test/support/browser.js';
import { headingOf, Pilot, quarterTurn } from '../dist/test/support/pilot.js';
import { Published } from '../dist/test/support/published.js';
import { startUp } from '../dist/test/support/up.js';

const folder = process.argv[2] ?? join(import.meta.dirname, '..', 'docs', 'images');
mkdirSync(folder, { recursive: true });
/** The policy that comes with armloop. */
const SHIPPED = 'pick-cube-pixels';
const RECIPE = `# What can be learnt of lifting the cube from the arm alone.
name: pick-cube-joints
description: Lifts the cube, blind
data:
  validation: 0.2
observation:
  rateHz: 20
  states:
    - name: joints
      features: [{ field: in.q }, { field: in.qd }]
    - name: tool
      features: [{ field: out.tool, encode: pose9 }]
action: { space: joint, horizon: 16 }
training: { steps: 2000, batch: 64, logEvery: 10, validateEvery: 100 }
`;
const part = (id) => `[data-testid="${id}"]`;

/** Only pictures with one of these words in their name; all without one. */
const only = process.argv.slice(3);
const wanted = (...names) => only.length === 0 || names.some((n) => only.some((o) => n.includes(o)));

const up = await startUp(['panda-sim', '--task', 'pick-place-bin', '--seed', '4']);
const live = await Published.open(up.url);
let episode = '';
try {
  if (wanted('live', 'teleoperating', 'playback')) {
    await demonstrate();
    for (const dark of [false, true]) await pictures(dark ? 'dark' : 'light', dark);
  }
  if (wanted('policies')) {
    for (const dark of [false, true]) await pages(dark ? 'dark' : 'light', dark, { policies: SHIPPED });
  }
  if (wanted('deployed', 'sources')) {
    const recorded = await deploy();
    for (const dark of [false, true])
      await pages(dark ? 'dark' : 'light', dark, { episodes: recorded }, 'sources');
  }
  if (wanted('planning')) {
    for (const dark of [false, true]) await planning(dark ? 'dark' : 'light', dark);
  }
  if (wanted('collection', 'training')) {
    const places = await learn();
    for (const dark of [false, true]) await pages(dark ? 'dark' : 'light', dark, places);
  }
} finally {
  await live.close();
  await up[Symbol.asyncDispose]();
}

async function opened(dark, path, render) {
  const browser = await openBrowser({ width: 1440, height: 900, dark });
  const page = await browser.page();
  await page.goto(`${up.url}${render ? `?render=${render}` : ''}${path}`);
  await page.waitForSelector(`${part('mode')}:not([data-mode=""])`);
  return { browser, page };
}

async function drive(page) {
  await page.fill(part('operator-name'), 'Ada');
  await page.locator(part('operator-name')).blur();
  await page.keyboard.press('t');
  await page.waitForSelector(`${part('lease')}:not([data-lease="0"])`);
}

async function giveBack(page) {
  await page.keyboard.press('t');
  await live.until('nobody driving', () => live.value('lease') === 0);
}

/** A new scene, the arm at home; once more when a busy machine stops the arm just then. */
async function newScene(page, pilot) {
  for (let tries = 1; ; tries++) {
    await pilot.recover();
    const epoch = live.value('epoch');
    await page.keyboard.press('Shift+R');
    try {
      await live.until(
        'a new scene',
        () => live.value('epoch') !== epoch && live.value('mode') === Mode.holding,
        15,
      );
      return;
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

/** Records one pick, so that there is something to play back. */
async function demonstrate() {
  const { browser, page } = await opened(false, '', 'off');
  await drive(page);
  const pilot = new Pilot(page, live, console.log);
  await pilot.recover();
  const cube = live.body('cube');
  const turn = () =>
    quarterTurn(headingOf(live.values('tool').subarray(3), 1), headingOf(cube.subarray(3), 0));
  const grip = live.hello.robot.gripperAxis;
  await page.keyboard.press('Enter');
  await live.until('the recording', () => live.value('recording') >= 0);
  const at = { x: cube[0], y: cube[1] };
  await pilot.speed(75);
  await pilot.moveTo('above', { ...at, z: 0.14, turn }, { m: 0.02, rad: 0.15 });
  await pilot.speed(20);
  await pilot.moveTo('over', { ...at, z: 0.07, turn }, { m: 0.008, rad: 0.07 });
  await pilot.speed(10);
  await pilot.moveTo('down', { ...at, z: 0.02 }, { m: 0.004, rad: 1 });
  await pilot.speed(50);
  await pilot.holdUntil('g', 'closed', () => live.value('qCmd', grip) < 0.005);
  await pilot.moveTo('lift', { z: 0.2 }, { m: 0.01, rad: 1 });
  const bin = live.body('target_bin');
  await pilot.moveTo('bin', { x: bin[0], y: bin[1] }, { m: 0.02, rad: 1 });
  await pilot.holdUntil('h', 'open', () => live.value('q', grip) > 0.07);
  episode = live.session.recording.episode;
  await page.keyboard.press('Enter');
  await page.waitForSelector(`${part('record-panel')}[data-state="review"]`);
  await page.keyboard.press('y');
  await page.waitForSelector(`${part('record-panel')}[data-state="idle"]`);
  await newScene(page, pilot);
  await giveBack(page);
  await browser[Symbol.asyncDispose]();
}

async function pictures(name, dark) {
  const shot = (page, what) => page.screenshot({ path: join(folder, `console-${what}-${name}.png`) });
  {
    const { browser, page } = await opened(dark, '', '');
    // A busy machine may stop the arm meanwhile; the picture shows a calm one.
    for (let calm = false, tries = 0; !calm && tries < 5; tries++) {
      await page.waitForTimeout(11_000);
      calm = live.value('mode') === Mode.holding;
      if (calm) break;
      await drive(page);
      await new Pilot(page, live, console.log).recover();
      await giveBack(page);
    }
    await shot(page, 'live');
    await drive(page);
    const pilot = new Pilot(page, live, console.log);
    await pilot.recover();
    await page.keyboard.press('Enter');
    await live.until('the recording', () => live.value('recording') >= 0);
    const home = [...live.values('tool').subarray(0, 3)];
    await pilot.moveTo('down', { z: home[2] - 0.2 }, { m: 0.03, rad: 1 });
    await pilot.moveTo('left', { y: home[1] + 0.15 }, { m: 0.03, rad: 1 });
    await pilot.moveTo('right', { y: home[1] - 0.1 }, { m: 0.03, rad: 1 });
    await pilot.hold(['s', 'u']);
    await live.until('driving', () => live.value('mode') === Mode.active);
    await page.waitForTimeout(1500);
    await shot(page, 'teleoperating');
    await pilot.hold([]);
    await pilot.recover();
    await page.keyboard.press('Delete');
    await page.waitForSelector(`${part('record-panel')}[data-state="idle"]`);
    await newScene(page, pilot);
    await giveBack(page);
    await browser[Symbol.asyncDispose]();
  }
  const { browser, page } = await opened(dark, `#/episodes/${encodeURIComponent(episode)}`, '');
  await page.waitForSelector(part('playback'));
  await goTo(page, 0.55);
  await shot(page, 'playback');
  await browser[Symbol.asyncDispose]();
}

/** Plays back to a share of the episode, and waits until its pictures are drawn. */
async function goTo(page, share) {
  const timeline = page.locator(part('timeline'));
  const end = Number(await timeline.getAttribute('max'));
  await timeline.fill(String(Math.round(end * share * 100) / 100));
  await timeline.blur();
  await page.waitForTimeout(3000);
}

/** A collection, and a policy trained on it, by the commands that a person would type. */
async function learn() {
  const [collection, run] = ['20260201-120000-c011', '20260201-130000-7a1e'];
  const recipe = join(up.workspace, 'recipe.yaml');
  await command(
    ...['collect', '--teacher', '--task', 'pick-cube', '--episodes', '24', '--cameras', 'none'],
    ...['--vary', 'all', '--id', collection],
  );
  writeFileSync(recipe, RECIPE);
  await command('train', recipe, '--run', run);
  return { collections: collection, training: run };
}

/** The shipped policy at work, and the episode in which a person takes over from it and hands back. */
async function deploy() {
  const { browser, page } = await opened(false, '', '');
  await drive(page);
  await page.keyboard.press('Enter');
  await live.until('the recording', () => live.session.recording.episode !== null);
  const recorded = live.session.recording.episode;
  await page.click(part('nav-policies'));
  await page.locator(`${part('policy')}[data-id="${SHIPPED}"]`).click();
  await page.click(part('policy-deploy'));
  await page.waitForSelector(part('policy-panel'));
  const pilot = new Pilot(page, live, console.log);
  await live.until('driving', () => live.value('policy.chunks') > 3, 60);
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(folder, 'console-deployed-light.png') });
  await page.emulateMedia({ colorScheme: 'dark' });
  // The 3D view draws its new colours slowly where there is no graphics card.
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(folder, 'console-deployed-dark.png') });
  const height = live.value('tool', 2);
  await pilot.holdUntil('r', 'a person lifting', () => live.value('tool', 2) > height + 0.04);
  await page.keyboard.press('p');
  const chunks = live.value('policy.chunks');
  await live.until('driving again', () => live.value('policy.chunks') > chunks + 3, 60);
  await page.keyboard.press('Shift+P');
  await live.until('holding', () => live.value('mode') === Mode.holding, 30);
  await page.keyboard.press('y');
  await page.waitForSelector(`${part('record-panel')}[data-state="idle"]`);
  await newScene(page, pilot);
  await giveBack(page);
  await browser[Symbol.asyncDispose]();
  return recorded;
}

/** A planner that follows a figure: the way it plans, its target, its weights and what each term costs. */
async function planning(name, dark) {
  const { browser, page } = await opened(dark, '', '');
  await drive(page);
  const pilot = new Pilot(page, live, console.log);
  await pilot.recover();
  await page.selectOption(part('planner-task'), 'track');
  await page.click(part('planner-start'));
  await page.waitForSelector(`${part('planner-panel')}[data-drives="planner"]`);
  await page.selectOption(part('planner-figure'), 'eight');
  for (const [id, value] of [
    ['planner-size', '0.2'],
    ['planner-x', '0.5'],
    ['planner-z', '0.35'],
  ]) {
    await page.fill(part(id), value);
    await page.keyboard.press('Enter');
  }
  // Nearer, so that the planned way is seen.
  const view = await page.locator(`${part('view3d')} canvas`).boundingBox();
  await page.mouse.move(view.x + 0.2 * view.width, view.y + 0.6 * view.height);
  for (let i = 0; i < 4; i++) await page.mouse.wheel(0, -120);
  await page.click(part('planner-tab-weights'));
  // A busy machine makes plans late now and then, and may stop the arm; the picture shows plots full of calm motion.
  const trouble = page.locator(`${part('reasons')} .chip, [data-old="true"]`);
  for (let began = live.value('time'); live.value('time') < began + 11 || (await trouble.count()) > 0; ) {
    await pilot.recover(Reason.controllerFault);
    if (live.session.planner?.state === 'ready') {
      began = live.value('time');
      await page.keyboard.press('q');
    }
    await live.next();
  }
  await page.screenshot({ path: join(folder, `console-planning-${name}.png`) });
  await page.keyboard.press('Shift+Q');
  await live.until('holding', () => live.value('mode') === Mode.holding, 30);
  await newScene(page, pilot);
  await giveBack(page);
  await browser[Symbol.asyncDispose]();
}

async function command(...args) {
  const main = join(import.meta.dirname, '..', 'dist', 'src', 'main.js');
  const child = spawn(process.execPath, [main, ...args, '--workspace', up.workspace], { stdio: 'inherit' });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`armloop ${args[0]} ended with ${code}`);
}

/** The pages of what is learnt. */
async function pages(name, dark, places, as) {
  const shown = {
    collections: 'attempt',
    training: 'run-recipe',
    policies: 'policy-contract',
    episodes: 'playback',
  };
  for (const [view, item] of Object.entries(places)) {
    const played = view === 'episodes';
    const { browser, page } = await opened(dark, `#/${view}/${item}`, played ? 'low' : 'off');
    await page.locator(part(shown[view])).first().waitFor();
    if (played) await goTo(page, 0.6);
    // The plots are drawn a moment after their data has come.
    await page.waitForTimeout(2000);
    const file = as ?? view.replace(/collections/, 'collection');
    // A palette holds what these pages have, in a third of the bytes.
    const picture = sharp(await page.screenshot());
    await picture.png({ palette: true, effort: 10 }).toFile(join(folder, `console-${file}-${name}.png`));
    await browser[Symbol.asyncDispose]();
  }
}
