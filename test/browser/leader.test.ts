/**
 * A person at a leader arm and a console in a real browser, on a real `armloop up --dry-run`: the 7-DoF Dynamixel arm and
 * its leader answer on a pty each. The leader drives after the gate, its buttons record and label a demonstration, the
 * arm repeats it, and every tick computes again bit for bit.
 * @alone @limit 400
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { askEmulator } from '../../drivers/bus/emulator/door.ts';
import type { LeaderHands } from '../../drivers/bus/leader/hands.ts';
import { leaderHands } from '../../drivers/dynamixel/emulator/leader.ts';
import { loadRobot } from '../../src/config.ts';
import { ControllerId, Mode, Source } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import { type Browser, noChromium, openBrowser } from '../support/browser.ts';
import { leaderFile } from '../support/leader-robot.ts';
import { Pilot } from '../support/pilot.ts';
import { Published } from '../support/published.ts';
import { startUp, type Up } from '../support/up.ts';

const skip = noChromium;
const part = (id: string): string => `[data-testid="${id}"]`;
/** A machine under load starves nothing that this test is about. */
const PATIENT = {
  limits: { stateAgeMs: 2000, missedMs: 2000, watchdogMs: 2000, deadmanMs: 1500, resumeDistance: 0.1 },
};
/** Where the hand leads the arm, rad: from home and on. */
const THERE = { joint1: 0.6, joint2: 0.2, joint4: 1.9, joint6: 0.9 };

let folder: string;
let up: Up;
let browser: Browser;
let live: Published;
let hands: LeaderHands;
let port: string;
/** The demonstration. */
let episode = '';

if (skip === false) {
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'armloop-leader-'));
    const file = leaderFile(folder, { silenceMs: 1000 }, PATIENT);
    const robot = loadRobot(file);
    hands = leaderHands({ robot, entry: robot.leader! });
    up = await startUp([file, '--dry-run']);
    browser = await openBrowser();
    live = await Published.open(up.url);
    const words = live.session.events.map((e) => e.text).join('\n');
    port = /the leader ada is emulated on (\S+?)\.$/m.exec(words)?.[1] ?? assert.fail(words);
    assert.match(words, /8 emulated servos on (?!.*the leader)/, 'arm and leader have a port each');
    assert.ok(!words.includes(`servos on ${port}`));
  });
  after(async () => {
    await live?.close();
    await browser?.[Symbol.asyncDispose]();
    await up?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
}

afterEach(async (t) => {
  if (skip !== false) return;
  for (const page of browser.context.pages()) {
    const said = await page.locator(part('toasts')).allTextContents();
    if (said.join('') !== '') (t as TestContext).diagnostic(`the page says: ${said.join(' | ').trim()}`);
    if (page.url() !== 'about:blank') await page.close();
  }
  for (const e of live.session.events.slice(-10)) (t as TestContext).diagnostic(`${e.level}: ${e.text}`);
});

async function hand(moves: Readonly<Record<string, number | null>>, seconds = 1): Promise<void> {
  const list = Object.entries(moves).map(([name, to]) => hands.move(name, to, seconds)!);
  await askEmulator(port, { what: 'hand', moves: list });
}

const axis = (name: string): number => live.hello.robot.axes.findIndex((a) => a.name === name);
const q = (name: string): number => live.value('q', axis(name));
const at = (goals: Readonly<Record<string, number>>): boolean =>
  Object.entries(goals).every(([name, to]) => Math.abs(q(name) - to) < 0.05);

/** Presses a lever and lets it go. */
async function press(lever: string, seen: () => boolean, what: string): Promise<void> {
  await hand({ [lever]: 1 }, 0.1);
  await live.until(what, seen);
  await hand({ [lever]: 0 }, 0.1);
}

async function opened(): Promise<Page> {
  const page = await browser.page();
  await page.goto(`${up.url}?render=off`);
  await page.waitForSelector(`${part('mode')}[data-mode="holding"]`);
  await page.fill(part('operator-name'), 'Ada');
  await page.locator(part('operator-name')).blur();
  await page.keyboard.press('t');
  await page.waitForSelector(`${part('lease')}:not([data-lease="0"])`);
  return page;
}

test('the leader drives the arm, records a demonstration by its buttons, and hands the arm back', {
  skip,
}, async () => {
  const page = await opened();
  const panel = part('leader-panel');
  await page.waitForSelector(`${panel}[data-state="ready"][data-matched="true"]`);

  // Elsewhere than the arm it may not take over, and the page says which joint and how far.
  await hand({ joint1: 0.5 }, 0.3);
  await page.waitForSelector(`${part('leader-gap-joint1')}[data-apart="true"]`);
  await page.click(part('leader-engage'));
  await page.waitForSelector(part('toast-error'));
  assert.match((await page.textContent(part('toast-error'))) ?? '', /joint1 is 0\.\d+ rad above the arm's/);
  assert.equal(live.value('mode'), Mode.holding);
  assert.ok(Math.abs(q('joint1')) < 0.02, 'the arm has not moved');
  await hand({ joint1: 0 }, 0.3);
  await page.waitForSelector(`${panel}[data-matched="true"]`);

  await page.click(part('leader-engage'));
  await page.waitForSelector(`${panel}[data-state="driving"]`);
  // The page may know of it before this does.
  await live.until('the leader in the slot', () => live.value('controller') === ControllerId.leader);
  assert.equal(live.value('source'), Source.human);

  await press('lever0', () => live.value('recording') >= 0, 'the recording');
  episode = await live.recording();
  await hand(THERE, 2);
  await live.until('the arm where the hand leads it', () => at(THERE));
  const open = q('gripper');
  await hand({ trigger: 1 }, 0.5);
  await live.until('closed fingers', () => q('gripper') < 0.01);
  await hand({ joint1: 0.1, joint4: 1.5 }, 1.5);
  await live.until('the arm on its way back', () => at({ joint1: 0.1, joint4: 1.5 }));
  await hand({ trigger: 0 }, 0.5);
  await live.until('open fingers', () => q('gripper') > 0.9 * open);
  await press('lever1', () => live.session.recording.state === 'idle', 'the label');
  const saved = `Saved ${episode} as success.`;
  await live.until('what was saved', () => live.session.events.some((e) => e.text === saved));

  await page.click(part('leader-release'));
  await page.waitForSelector(`${panel}[data-state="ready"]`);
  await live.until('rest', () => live.value('mode') === Mode.holding);
  // Let go, the leader moves the arm no more.
  await hand({ joint1: 0.4 }, 0.3);
  await page.waitForSelector(`${part('leader-gap-joint1')}[data-apart="true"]`);
  assert.ok(Math.abs(q('joint1') - 0.1) < 0.05);
  const row = async (): Promise<string> => {
    await page.click(part('nav-episodes'));
    const found = page.locator(`${part('episode')}[data-id="${episode}"][data-label="success"]`);
    return (await found.textContent()) ?? '';
  };
  assert.match(await row(), /Ada/);
  // The refusal was one on purpose.
  assert.deepEqual(
    browser.errors.filter((e) => !e.includes('409')),
    [],
  );
  await page.close();
});

test('the arm repeats the demonstration', { skip }, async (t) => {
  const page = await opened();
  const pilot = new Pilot(page, live, (text) => t.diagnostic(text));
  await pilot.recover();
  await page.click(part('nav-episodes'));
  await page.locator(`${part('episode')}[data-id="${episode}"]`).click();
  await page.waitForSelector(part('playback'));
  await page.click(part('replay-on-arm'));
  await page.click(part('question-yes'));
  const refused = page.waitForSelector(part('toast-error')).then(
    async (toast) => assert.fail((await toast.textContent()) ?? ''),
    // The page is closed by then.
    () => {},
  );
  const replays = live.until('the replay', () => live.value('controller') === ControllerId.replay);
  await Promise.race([replays, refused]);
  await live.until('the place to which the hand led it', () => at(THERE), 60);
  await live.until('closed fingers', () => q('gripper') < 0.01, 60);
  await live.until('the end', () => live.value('mode') === Mode.holding, 60);
  assert.ok(at({ joint1: 0.1, joint4: 1.5 }), `joint1 at ${q('joint1')}, joint4 at ${q('joint4')}`);
  assert.ok(q('gripper') > 0.05);
  await page.close();
});

test('what the leader did computes again bit for bit', { skip }, async (t) => {
  const main = path.join(packageRoot(), 'dist', 'src', 'main.js');
  const args = [main, 'replay', episode, '--verify', '--workspace', up.workspace];
  const { code, text } = await new Promise<{ code: number; text: string }>((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), text: `${stdout}${stderr}` }),
    );
  });
  t.diagnostic(text.trim());
  assert.equal(code, 0, text);
  assert.match(text, /\d{3,} ticks computed again, every output equal/);
});
