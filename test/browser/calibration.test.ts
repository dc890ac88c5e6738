/**
 * A person in a real browser, on a real `armloop up --dry-run`: disarms, measures the gripper step by step with the
 * emulated hand, and sees it written; gives servos their ids, and aligns a leader.
 * @alone @limit 240
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { CalibrationStore } from '../../src/calibrate/store.ts';
import { type Browser, noChromium, openBrowser } from '../support/browser.ts';
import { leaderFile } from '../support/leader-robot.ts';
import { part } from '../support/on-page.ts';
import { workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';
import { startUp } from '../support/up.ts';

const skip = noChromium;
let browser: Browser;

if (skip === false) {
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.[Symbol.asyncDispose]());
}

/** With a busy machine: this is about the page. */
const PATIENT = { stateAgeMs: 5000, missedMs: 5000, watchdogMs: 2000, deadmanMs: 10_000 };

/** Waits for the page; trouble that it shows ends the test with its words. */
function watching(page: Page) {
  return async (selector: string, state: 'visible' | 'detached' = 'visible'): Promise<void> => {
    const trouble = page.locator(part('toast-error')).first();
    const seen = page.waitForSelector(selector, { state });
    await Promise.race([
      seen,
      trouble.waitFor().then(async () => assert.fail((await trouble.textContent()) ?? 'trouble')),
    ]);
  };
}

test('a gripper is measured on the page, torque off, step by step', { skip }, async () => {
  using folder = workspace();
  const robot = testRobot(folder.path, { limits: PATIENT, loop: { rateHz: 100 } }, 'dynamixel7');
  await using up = await startUp([robot, '--dry-run']);
  browser.errors.length = 0;
  const page = await browser.page();
  await page.goto(`${up.url}?render=off#/calibration`);
  await page.waitForSelector(`${part('mode')}[data-mode="holding"]`);
  await page.waitForSelector(`${part('calibration-device')}[data-status="emulated"]`);
  assert.ok(await page.isDisabled(part('calibrate-gripper')), 'not while the arm has torque');

  // Torque off first, which takes control.
  await page.click(part('calibration-disarm'));
  await page.click(part('question-yes'));
  await page.waitForSelector(`${part('mode')}[data-mode="connected"]`);
  await page.click(part('calibrate-gripper'));
  const shows = watching(page);
  for (let at = 0; at < 4; at++) {
    await shows(`${part('calibration-guide')}[data-at="${at}"]`);
    const words = (await page.textContent(part('calibration-words'))) ?? '';
    assert.match(words, at % 2 === 0 ? /^Close gripper/ : /^Open/);
    await page.click(part('calibration-hand'));
    // The button is busy until the hand is there.
    await shows(`${part('calibration-take')}:not([disabled])`);
    await page.click(part('calibration-take'));
  }
  await shows(part('calibration-guide'), 'detached');
  const row = page.locator(`${part('calibration-axis')}[data-axis="gripper"]`);
  await row.locator(part('calibration-zero'), { hasText: /^20\d\d\.\d$/ }).waitFor();
  assert.match((await row.textContent()) ?? '', /0\.000 … 0\.070/);
  assert.match((await page.textContent(part('calibration-file'))) ?? '', /gripper ?version 1/);

  const { gripper } = new CalibrationStore(up.workspace, 'dynamixel7', 'emulated').load();
  assert.equal(gripper?.file.version, 1);
  assert.equal(new CalibrationStore(up.workspace, 'dynamixel7', 'real').load().gripper, undefined);
  assert.deepEqual(browser.errors, []);
  await page.close();
});

test('servos get their ids one by one on the page, then the leader is aligned with the arm', {
  skip,
}, async () => {
  using folder = workspace();
  const robot = leaderFile(
    folder.path,
    { silenceMs: 5000 },
    { limits: PATIENT, loop: { rateHz: 100 } },
    'so101-pair',
    { rateHz: 100 },
  );
  await using up = await startUp([robot, '--dry-run']);
  browser.errors.length = 0;
  const page = await browser.page();
  await page.goto(`${up.url}?render=off#/calibration`);
  await page.waitForSelector(`${part('mode')}[data-mode="holding"]`);
  await page.waitForSelector(`${part('calibration-leader')}[data-status="missing"][data-heard="yes"]`);
  assert.ok(await page.isDisabled(part('calibrate-leader')), 'not while the arm has torque');
  await page.click(part('calibration-disarm'));
  await page.click(part('question-yes'));
  await page.waitForSelector(`${part('mode')}[data-mode="connected"]`);
  const shows = watching(page);
  /** Goes through so many steps with the emulated hand; what each said. */
  const walk = async (steps: number): Promise<string[]> => {
    const said: string[] = [];
    for (let at = 0; at < steps; at++) {
      await shows(`${part('calibration-guide')}[data-at="${at}"]`);
      said.push((await page.textContent(part('calibration-guide'))) ?? '');
      await page.click(part('calibration-hand'));
      // The button is busy until the hand is there.
      await shows(`${part('calibration-take')}:not([disabled])`);
      await page.click(part('calibration-take'));
    }
    await shows(part('calibration-guide'), 'detached');
    return said;
  };

  // Its first joint keeps the id of the factory: it comes last, then the whole chain.
  await page.click(part('calibrate-ids'));
  await shows(part('calibration-away'));
  const named = await walk(7);
  assert.match(named[0]!, /Connect the servo of shoulder_lift \(sts3215-c001\) alone, and power it/);
  assert.match(named[1]!, /shoulder_lift: id 1 at 1000000 baud is id 2 at 1000000 baud now, read back/);
  assert.match(named[5]!, /Connect the servo of shoulder_pan/);
  assert.match(named[6]!, /Connect the whole chain/);
  await shows(part('calibration-away'), 'detached');
  await page.waitForSelector(`${part('mode')}[data-mode="connected"]`);
  const store = new CalibrationStore(up.workspace, 'so101-pair', 'emulated');
  assert.deepEqual(
    store.load().ids?.file.entries.flatMap((e) => (e.quantity === 'id' ? [e.axis, e.value] : [])),
    ['shoulder_lift', 2, 'elbow_flex', 3, 'wrist_flex', 4, 'wrist_roll', 5, 'gripper', 6, 'shoulder_pan', 1],
  );

  await page.click(part('calibrate-leader'));
  const said = await walk(9);
  assert.match(said[0]!, /Hold the leader as the arm is in its reference pose/);
  assert.match(said[2]!, /Turn shoulder_pan of the leader/);
  assert.match(said[8]!, /Squeeze the trigger/);
  await shows(`${part('calibration-leader')}[data-status="fits"]`);
  // Mounted as its file says: next to nothing is to be added.
  const joint = page.locator(`${part('leader-joint')}[data-axis="elbow_flex"]`);
  assert.match((await joint.textContent()) ?? '', /elbow_flex *[+] *-?0\.0\d\d/);
  const { leader } = store.load();
  assert.deepEqual([leader?.file.version, leader?.file.entries.length], [1, 2 * 5 + 2]);
  assert.ok(leader!.file.entries.every((e) => e.method !== '' && e.unit !== '' && e.date !== ''));
  assert.equal(await page.textContent(part('calibration-hash')).then((t) => t?.slice(0, 64).length), 64);
  assert.deepEqual(browser.errors, []);
  await page.close();
});
