/**
 * A person at the keyboard, in a real browser, on a real `armloop up`: real key events drive the simulated arm until
 * the cube lies in the target bin, three times over, and each episode is recorded, labelled and found again.
 * @alone @limit 600
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, afterEach, before, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { Mode } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import { type Browser, noChromium, openBrowser } from '../support/browser.ts';
import { comparePeers } from '../support/mcap-peers.ts';
import { headingOf, Pilot, quarterTurn } from '../support/pilot.ts';
import { Published } from '../support/published.ts';
import { findPython } from '../support/python.ts';
import { startUp, type Up } from '../support/up.ts';

const ROUNDS = 3;
const CLEAR = 0.22;
const BIN = 'target_bin';
const part = (id: string): string => `[data-testid="${id}"]`;
const skip = noChromium;

let up: Up;
let browser: Browser;
let live: Published;
/** Episodes that the first test recorded. */
const picked: string[] = [];

if (skip === false) {
  before(async () => {
    up = await startUp(['panda-sim', '--task', 'pick-place-bin']);
    browser = await openBrowser();
    live = await Published.open(up.url);
  });
  after(async () => {
    await live?.close();
    await browser?.[Symbol.asyncDispose]();
    await up?.[Symbol.asyncDispose]();
  });
}

// One test's open page would be the next one's other operator.
afterEach(async (t) => {
  if (skip !== false) return;
  for (const page of browser.context.pages()) {
    const said = await page.locator(part('toasts')).allTextContents();
    if (said.join('') !== '') (t as TestContext).diagnostic(`the page says: ${said.join(' | ').trim()}`);
    if (page.url() !== 'about:blank') await page.close();
  }
  for (const line of up.output().trim().split('\n').slice(-4)) (t as TestContext).diagnostic(line);
  for (const e of live.session.events.slice(-6)) (t as TestContext).diagnostic(`${e.level}: ${e.text}`);
});

/** Errors on the page's own console. A refused request (409) is shown to the operator, who acts on it. */
const troubles = (): string[] => browser.errors.filter((e) => !e.includes('409'));

/** Opens the console and waits for the arm to hold. */
async function openConsole(query: string): Promise<Page> {
  const page = await browser.page();
  await page.goto(up.url + query);
  await page.waitForSelector(`${part('mode')}:not([data-mode="-1"])`);
  return page;
}

async function takeControl(page: Page, name: string): Promise<void> {
  await page.fill(part('operator-name'), name);
  await page.locator(part('operator-name')).blur();
  await page.keyboard.press('t');
  await page.waitForSelector(`${part('lease')}:not([data-lease="0"])`);
}

async function releaseControl(page: Page): Promise<void> {
  await page.keyboard.press('t');
  await live.until('nobody driving', () => live.value('lease') === 0);
}

test('keys put the cube into the bin, three random scenes', { skip }, async (t) => {
  const page = await openConsole('?render=off');
  await takeControl(page, 'Ada');
  const pilot = new Pilot(page, live, (text) => t.diagnostic(text));
  await pilot.recover();
  const grip = live.hello.robot.gripperAxis;
  const opening = (): number => live.value('q', grip);
  const cube = (): Float64Array => live.body('cube');

  for (let round = 1; round <= ROUNDS; round++) {
    await newScene();
    const started = Date.now();
    t.diagnostic(
      `round ${round}: seed ${live.value('seed')}, cube at ${[...cube().subarray(0, 3)].map((v) => v.toFixed(3))}`,
    );

    await page.keyboard.press('Enter');
    const id = await live.recording();
    await pickAndPlace();
    await live.until('success judged by the task', () => live.value('success') === 1);
    await page.keyboard.press('Enter');
    await page.waitForSelector(`${part('record-panel')}[data-state="review"]`);
    await page.keyboard.press('y');
    await page.waitForSelector(`${part('record-panel')}[data-state="idle"]`);

    await page.click(part('nav-episodes'));
    const row = page.locator(`${part('episode')}[data-id="${id}"][data-label="success"]`);
    await row.waitFor();
    assert.match((await row.textContent()) ?? '', /Ada/);
    picked.push(id);
    await page.click(part('nav-live'));
    await page.waitForSelector(part('live-view'));
    t.diagnostic(`round ${round}: done in ${((Date.now() - started) / 1000).toFixed(1)} s, episode ${id}`);
  }
  assert.deepEqual(troubles(), []);
  await releaseControl(page);
  await page.close();

  /** A busy machine may stop the arm just now; then once more, as a person would. */
  async function newScene(): Promise<void> {
    for (let tries = 1; ; tries++) {
      await pilot.recover();
      const epoch = live.value('epoch');
      const before = cube().slice(0, 3);
      await page.keyboard.press('Shift+R');
      try {
        const moved = (): boolean => before.some((v, i) => Math.abs(v - cube()[i]!) > 1e-3);
        const holds = (): boolean => live.value('mode') === Mode.holding;
        await live.until('a new scene', () => live.value('epoch') !== epoch && holds() && moved(), 20);
        return;
      } catch (error) {
        if (tries === 3) throw error;
        t.diagnostic(`no new scene, mode ${live.value('mode')}: once more`);
      }
    }
  }

  async function pickAndPlace(): Promise<void> {
    // A grasp may fail, as a person's may; what counts is what is published in the end.
    for (let attempt = 1; ; attempt++) {
      await pilot.speed(75);
      await pilot.holdUntil('h', 'an open gripper', () => opening() > 0.075);
      const turn = (): number =>
        quarterTurn(headingOf(live.values('tool').subarray(3), 1), headingOf(cube().subarray(3), 0));
      const [x, y] = [cube()[0]!, cube()[1]!];
      await pilot.moveTo('above the cube', { x, y, z: 0.16, turn }, { m: 0.02, rad: 0.15 });
      await pilot.speed(20);
      await pilot.moveTo('over the cube', { x, y, z: 0.07, turn }, { m: 0.008, rad: 0.07 });
      await pilot.speed(10);
      await pilot.moveTo('down to the cube', { x, y, z: 0.02 }, { m: 0.004, rad: 1 });
      await pilot.speed(50);
      await pilot.holdUntil('g', 'closed fingers', () => live.value('qCmd', grip) < 0.005);
      await pilot.moveTo('lift', { z: CLEAR }, { m: 0.02, rad: 1 });
      if (cube()[2]! > CLEAR / 2) break;
      t.diagnostic(`attempt ${attempt} did not lift the cube`);
      assert.ok(attempt < 3, 'the cube was not lifted in three attempts');
    }
    const bin = live.body(BIN);
    await pilot.speed(50);
    await pilot.moveTo('over the bin', { x: bin[0]!, y: bin[1]! }, { m: 0.02, rad: 1 });
    assert.ok(cube()[2]! > CLEAR / 2, 'the cube was lost on the way');
    await pilot.moveTo('down to the bin', { z: 0.12 }, { m: 0.01, rad: 1 });
    await pilot.holdUntil('h', 'an open gripper', () => opening() > 0.07);
    await pilot.moveTo('up again', { z: CLEAR }, { m: 0.02, rad: 1 });
  }
});

/** Exit code and output of `armloop replay` in a process of its own. */
function replay(id: string, flag: string): Promise<{ code: number; text: string }> {
  const main = path.join(packageRoot(), 'dist', 'src', 'main.js');
  const args = [main, 'replay', id, flag, '--workspace', up.workspace];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), text: `${stdout}${stderr}` }),
    );
  });
}

test('what the operator recorded computes again bit for bit, and its replay repeats the pick', {
  skip,
}, async (t) => {
  assert.equal(picked.length, ROUNDS);
  for (const id of picked) {
    const verified = await replay(id, '--verify');
    t.diagnostic(verified.text.trim());
    assert.equal(verified.code, 0, verified.text);
    const repeated = await replay(id, '--lockstep');
    t.diagnostic(repeated.text.trim());
    assert.equal(repeated.code, 0, repeated.text);
  }
});

const peer = findPython(['mcap.reader', 'mcap_ros2.decoder', 'lz4', 'zstandard']);
test('what the operator recorded reads the same in Python and in a strict reader', {
  skip: skip || peer.skip,
}, async (t) => {
  assert.equal(picked.length, ROUNDS);
  for (const id of picked) {
    const found = await comparePeers(peer.python, path.join(up.workspace, 'episodes', `${id}.mcap`));
    t.diagnostic(
      Object.entries(found.topics)
        .map(([topic, { count }]) => `${topic} ${count}`)
        .join(', '),
    );
    assert.equal(found.metadata['episode_result']?.['label'], 'success');
    assert.ok(found.topics['/tick']!.count > 1000);
  }
});

test('the 3D view draws while a key drives', { skip }, async (t) => {
  const page = await openConsole('');
  await page.waitForSelector(`${part('view3d')} canvas`);
  await takeControl(page, 'Grace');
  const from = live.value('tool', 2);
  const pilot = new Pilot(page, live, (text) => t.diagnostic(text));
  await pilot.holdUntil('r', 'the arm rising', () => live.value('tool', 2) > from + 0.01);
  await live.until('rest', () => live.values('qd').every((v) => Math.abs(v) < 0.01));
  await releaseControl(page);
  await page.close();
});

test('a second page may watch and stop, but not drive', { skip }, async (t) => {
  const [driver, watcher] = [await openConsole('?render=off'), await openConsole('?render=off')];
  await takeControl(driver, 'Ada');
  await new Pilot(driver, live, (text) => t.diagnostic(text)).recover();
  await watcher.fill(part('operator-name'), 'Grace');
  await watcher.locator(part('operator-name')).blur();
  await watcher.keyboard.press('t');
  await watcher.waitForSelector(part('toast-error'));
  assert.match((await watcher.textContent(part('toast-error'))) ?? '', /Ada/);
  const seq = live.value('operatorSeq');
  await watcher.keyboard.down('w');
  await live.until('the stream of the driver', () => live.value('operatorSeq') > seq + 20);
  assert.notEqual(live.value('mode'), Mode.active, 'the keys of a watcher moved the arm');
  await watcher.keyboard.up('w');

  await driver.bringToFront();
  await driver.keyboard.down('r');
  await live.until('driving', () => live.value('mode') === Mode.active);
  await watcher.bringToFront();
  await watcher.keyboard.press('Escape');
  await live.until('the stop', () => live.value('mode') === Mode.stopped);
  await live.until('rest', () => live.values('qd').every((v) => Math.abs(v) < 0.01));
  await driver.bringToFront();
  await driver.keyboard.up('r');
  await driver.waitForSelector(part('fault-banner'));
  await driver.keyboard.press('Shift+C');
  await live.until('holding again', () => live.value('mode') === Mode.holding);
  await releaseControl(driver);
  await driver.close();
  await watcher.close();
});

test('an episode plays back', { skip }, async () => {
  const page = await openConsole('?render=off#/episodes');
  await page.locator(part('episode')).first().click();
  await page.waitForSelector(part('playback'));
  const time = async (): Promise<number> => Number(await page.getAttribute(part('playback'), 'data-time'));
  await page.keyboard.press('p');
  const end = Date.now() + 20_000;
  while ((await time()) < 0.5) assert.ok(Date.now() < end, 'the time line moves');
  await page.keyboard.press('p');
  await page.waitForSelector(`${part('playback')}[data-playing="false"]`);
  await page.locator(part('timeline')).fill('1');
  await page.waitForSelector(`${part('playback')}[data-time="1.00"]`);
  await page.close();
  assert.deepEqual(troubles(), []);
});
