/**
 * A person in a real browser, on a real `armloop up --dry-run`: disarms, measures the gripper step by step with the
 * emulated hand, and sees it written.
 * @alone @limit 240
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CalibrationStore } from '../../src/calibrate/store.ts';
import { type Browser, noChromium, openBrowser } from '../support/browser.ts';
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

test('a gripper is measured on the page, torque off, step by step', { skip }, async () => {
  using folder = workspace();
  // Patient with a busy machine: this is about the page.
  const patient = { stateAgeMs: 5000, missedMs: 5000, watchdogMs: 2000, deadmanMs: 10_000 };
  const robot = testRobot(folder.path, { limits: patient, loop: { rateHz: 100 } }, 'dynamixel7');
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
  /** Waits for the page; trouble that it shows ends the test with its words. */
  const shows = async (selector: string, state: 'visible' | 'detached' = 'visible'): Promise<void> => {
    const trouble = page.locator(part('toast-error')).first();
    const seen = page.waitForSelector(selector, { state });
    await Promise.race([
      seen,
      trouble.waitFor().then(async () => assert.fail((await trouble.textContent()) ?? 'trouble')),
    ]);
  };
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
