/** The console against made-up state: what it shows, what it sends, how it takes refusals and losses. @limit 240 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { Mode, operatorLayout, Reason } from '../../src/robot/tick.ts';
import { type Browser, noChromium, openBrowser } from '../support/browser.ts';
import { FakeRig } from '../support/fake-rig.ts';
import { dist, part, runOnPage, type Scene, takeControl, text } from '../support/on-page.ts';
import { project } from '../support/view.ts';

const op = operatorLayout(8);
let browser: Browser;

if (noChromium === false) {
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser[Symbol.asyncDispose]());
}

const onPage = (query: string, run: (scene: Scene) => Promise<void>, expected?: RegExp): Promise<void> =>
  runOnPage(browser, query, run, expected);

/** Requests to this path are carried out, but the page hears their answers only once what this gives is called. */
async function heldAnswer(page: Page, path: string): Promise<() => void> {
  let answer = (): void => {};
  const heard = new Promise<void>((go) => {
    answer = go;
  });
  await page.route(path, async (route) => {
    const response = await route.fetch();
    await heard;
    await route.fulfill({ response });
  });
  return answer;
}
const input = (rig: FakeRig, field: string, i = 0): number => rig.input[op.at(field) + i]!;

test('the page shows state, health, plots, cameras and the 3D view', { skip: noChromium }, () =>
  onPage('', async ({ page, rig, until }) => {
    assert.equal(await text(page, 'rig-name'), 'fake-rig');
    assert.match(await text(page, 'loop-rate'), /1000/);
    assert.equal(await text(page, 'fifo'), 'not granted');
    assert.match(await text(page, 'lateness'), /80 µs \/ 400 µs/);
    await page.waitForSelector(`${part('view3d')} canvas`);
    await page.waitForSelector(`${part('plot-position')} canvas`);
    await until(
      'fps of camera-front',
      async () => Number(await page.getAttribute(part('camera-front'), 'data-fps')) > 0,
    );
    rig.set('mode', Mode.stopped);
    rig.set('fault', Reason.deviceLost);
    await page.waitForSelector(`${part('mode')}[data-mode="stopped"]`);
    assert.match(await text(page, 'fault-banner'), /no longer answers/);
    assert.match(await text(page, 'reasons'), /device lost/);
  }),
);

test(
  'a camera that falls silent leaves a picture, which is marked as old until there is another',
  {
    skip: noChromium,
  },
  () =>
    // Without the 3D view, which takes a machine without a GPU most of its time.
    onPage('?render=off', async ({ page, rig }) => {
      await page.waitForSelector(`${part('camera-front')}[data-old="false"]`);
      rig.filming = false;
      await page.waitForSelector(`${part('camera-front')}[data-old="true"]`);
      rig.filming = true;
      await page.waitForSelector(`${part('camera-front')}[data-old="false"]`);
    }),
);

test('held keys travel at 100 Hz and end when lifted', { skip: noChromium }, () =>
  onPage('?render=off', async (scene) => {
    const { page, rig, until } = scene;
    await takeControl(scene);
    assert.equal(input(rig, 'enable'), 0);
    await page.keyboard.down('w');
    await until('forward', () => input(rig, 'twist', 0) === 1 && input(rig, 'enable') === 1);
    await until('the activation', () => rig.posts.length > 0);
    assert.deepEqual(
      rig.posts.map((p) => [p.path, p.body['kind'], p.body['controller']]),
      [['/api/request', 'activate', 'twist']],
      'the first motion activates the controller',
    );
    await page.keyboard.down('g');
    await until('closing', () => input(rig, 'gripper') === -1);
    await page.keyboard.up('w');
    await until('only closing', () => input(rig, 'twist', 0) === 0 && input(rig, 'enable') === 1);
    await page.keyboard.up('g');
    await until('rest', () => input(rig, 'enable') === 0);
    const seq = input(rig, 'seq');
    await until('the stream goes on at rest', () => input(rig, 'seq') > seq + 20);
  }),
);

test('leaving the window lets go of everything at once', { skip: noChromium }, () =>
  onPage('?render=off', async (scene) => {
    const { page, rig, until } = scene;
    await takeControl(scene);
    await page.keyboard.down('w');
    await until('forward', () => input(rig, 'twist', 0) === 1);
    await page.evaluate("dispatchEvent(new Event('blur'))");
    await until('rest', () => input(rig, 'enable') === 0 && input(rig, 'twist', 0) === 0);
    await page.keyboard.up('w');
  }),
);

test(
  'keys that are down when somebody stops the arm count no more until pressed anew',
  { skip: noChromium },
  () =>
    onPage('?render=off', async (scene) => {
      const { page, rig, until } = scene;
      await takeControl(scene);
      await page.keyboard.down('w');
      await page.waitForSelector(`${part('mode')}[data-mode="active"]`);
      rig.set('mode', Mode.holding);
      await until('rest', () => input(rig, 'enable') === 0);
      assert.equal(rig.posts.length, 1, 'nothing was activated again');
      await page.keyboard.up('w');
      await page.keyboard.down('w');
      await page.waitForSelector(`${part('mode')}[data-mode="active"]`);
      await page.keyboard.up('w');
    }),
);

test(
  'keys ask once to drive, so that they do not undo a stop that no message showed',
  { skip: noChromium },
  () =>
    onPage('?render=off', async (scene) => {
      const { page, rig, until } = scene;
      await takeControl(scene);
      rig.stopsAtOnce = true;
      await page.keyboard.down('w');
      await until('the activation', () => rig.posts.length === 1);
      const seq = input(rig, 'seq');
      await until('the page has gone on for a second', () => input(rig, 'seq') > seq + 100);
      assert.equal(rig.posts.length, 1);
      await page.keyboard.up('w');
      await until('rest', () => input(rig, 'enable') === 0);
      await page.keyboard.down('w');
      await until('asked anew', () => rig.posts.length === 2);
      await page.keyboard.up('w');
    }),
);

test('a page that hangs drives no further', { skip: noChromium }, () =>
  onPage('?render=off', async (scene) => {
    const { page, rig, until } = scene;
    await takeControl(scene);
    await page.keyboard.down('w');
    await until('forward', () => input(rig, 'twist', 0) === 1);
    // Its thread waits for an answer that comes when this test is done with it.
    const goesOn = await heldAnswer(page, '**/api/episodes');
    const hung = page.evaluate(
      "const r = new XMLHttpRequest(); r.open('GET', '/api/episodes', false); r.send();",
    );
    await until(
      'rest, though the key is down',
      () => input(rig, 'enable') === 0 && input(rig, 'twist', 0) === 0,
    );
    const seq = input(rig, 'seq');
    await until('the stream goes on', () => input(rig, 'seq') > seq + 20);
    assert.equal(input(rig, 'enable'), 0);
    goesOn();
    await hung;
    await until('forward again', () => input(rig, 'twist', 0) === 1);
    await page.keyboard.up('w');
    await until('rest', () => input(rig, 'enable') === 0);
  }),
);

test('the target is dragged in the 3D view', { skip: noChromium }, () =>
  onPage('?render=low', async (scene) => {
    const { page, rig, until } = scene;
    await takeControl(scene);
    await page.click(part('mode-pose'));
    await until('the target at the tool', () => Math.abs(input(rig, 'pose', 0) - 0.45) < 1e-6);
    assert.equal(input(rig, 'enable'), 0);
    const box = await page.locator(`${part('view3d')} canvas`).boundingBox();
    assert.ok(box);
    const [x, y] = project([0.45, 0, 0.4], box);
    // The handles answer to the pointer once they have been drawn.
    await until('a handle under the pointer', async () => {
      await page.mouse.move(x + 3, y + 3);
      await page.mouse.move(x, y);
      return (
        (await page.locator(`${part('view3d')} canvas`).getAttribute('style'))?.includes('grab') ?? false
      );
    });
    await page.mouse.down();
    await page.mouse.move(x, y - 30, { steps: 4 });
    await page.mouse.move(x, y - 60, { steps: 4 });
    await until('the target above', () => input(rig, 'pose', 2) > 0.42 && input(rig, 'enable') === 1);
    await until('the activation', () => rig.posts.some((p) => p.body['controller'] === 'pose'));
    await page.mouse.up();
    await until('rest', () => input(rig, 'enable') === 0);
    await page.check(part('follow'));
    await until('following', () => input(rig, 'enable') === 1);
  }),
);

test('typing into a field moves nothing, but Escape still stops', { skip: noChromium }, () =>
  onPage('?render=off', async (scene) => {
    const { page, rig, until } = scene;
    await takeControl(scene);
    await page.click(part('task-text'));
    await page.keyboard.type('wasd');
    assert.equal(await page.inputValue(part('task-text')), 'wasd');
    assert.equal(input(rig, 'enable'), 0);
    assert.equal(rig.posts.length, 0);
    await page.keyboard.press('Escape');
    await until('the stop', () => rig.posts.some((p) => p.path === '/api/estop'));
    await page.waitForSelector(`${part('mode')}[data-mode="stopped"]`);
    await page.click(part('banner-clear'));
    await page.waitForSelector(`${part('mode')}[data-mode="holding"]`);
    assert.deepEqual(
      rig.posts.map((p) => p.body['kind'] ?? p.path),
      ['/api/estop', 'clear'],
    );
  }),
);

test('the stop button stops from every view, without control', { skip: noChromium }, () =>
  onPage('?render=off#/episodes', async ({ page, rig, until }) => {
    await page.waitForSelector(part('episodes-view'));
    await page.click(part('estop'));
    await until('the stop', () => rig.posts.some((p) => p.path === '/api/estop'));
    await page.waitForSelector(`${part('mode')}[data-mode="stopped"]`);
  }),
);

test('control that somebody else has is refused in words', { skip: noChromium }, () =>
  onPage('?render=off', async ({ page, rig }) => {
    rig.leaseHolder = 'Grace';
    await page.click(part('lease'));
    await page.waitForSelector(part('toast-error'));
    assert.match(await text(page, 'toast-error'), /Grace has control/);
    await page.keyboard.down('w');
    await page.keyboard.up('w');
    assert.equal(rig.inputs, 0);
    assert.equal(rig.posts.length, 0);
  }),
);

test('lost control is said, and can be taken again', { skip: noChromium }, () =>
  onPage('?render=off', async (scene) => {
    const { page, rig } = scene;
    await takeControl(scene);
    rig.dropLease('no input for 0.5 s');
    await page.waitForSelector(part('lost-banner'));
    assert.match(await text(page, 'lost-banner'), /no input for 0.5 s/);
    await page.click(part('retake'));
    await page.waitForSelector(`${part('lease')}:not([data-lease="0"])`);
    await page.waitForSelector(part('lost-banner'), { state: 'detached' });
  }),
);

test('a refusal shows its text and what to do', { skip: noChromium }, () =>
  onPage(
    '?render=off',
    async (scene) => {
      const { page, rig } = scene;
      await takeControl(scene);
      rig.refuse.set('/api/home', { code: 'REQUEST_REFUSED', message: 'the arm moves', todo: 'Hold first.' });
      await page.keyboard.press('Shift+H');
      await page.waitForSelector(part('toast-error'));
      assert.match(await text(page, 'toast-error'), /the arm moves\s*Hold first\./);
    },
    /409/,
  ),
);

test('record, stop, failure with a cause, by keys', { skip: noChromium }, () =>
  onPage('?render=off', async (scene) => {
    const { page, rig } = scene;
    await takeControl(scene);
    await page.keyboard.press('Enter');
    await page.waitForSelector(`${part('record-panel')}[data-state="recording"]`);
    await page.waitForSelector(part('recording-chip'));
    await page.keyboard.press('Enter');
    await page.waitForSelector(`${part('record-panel')}[data-state="review"]`);
    await page.keyboard.press('n');
    await page.click(part('cause-dropped-the-object'));
    await page.fill(part('cause-text'), 'slipped');
    await page.click(part('failure-save'));
    await page.waitForSelector(`${part('record-panel')}[data-state="idle"]`);
    assert.deepEqual(
      rig.posts.map((p) => p.path),
      ['/api/recording/start', '/api/recording/stop', '/api/recording/label'],
    );
    const label = rig.posts.at(-1)?.body;
    assert.equal(label?.['label'], 'failure');
    assert.equal(label?.['cause'], 'dropped the object: slipped');
  }),
);

test(
  'a step of the recording is not lost while the one before it is still being answered',
  { skip: noChromium },
  () =>
    onPage('?render=off', async (scene) => {
      const { page, rig, until } = scene;
      await takeControl(scene);
      const started = await heldAnswer(page, '**/api/recording/start');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Enter');
      await page.waitForSelector(`${part('record-panel')}[data-state="recording"]`);
      const stopped = await heldAnswer(page, '**/api/recording/stop');
      // The rig records, and the page shows it: this press stops it, as soon as the page may ask.
      await page.keyboard.press('Enter');
      await page.keyboard.press('Enter');
      started();
      await page.waitForSelector(`${part('record-panel')}[data-state="review"]`);
      await page.keyboard.press('y');
      stopped();
      await page.waitForSelector(`${part('record-panel')}[data-state="idle"]`);
      await until('the label', () => rig.posts.some((p) => p.path === '/api/recording/label'));
      assert.deepEqual(
        rig.posts.map((p) => p.path),
        ['/api/recording/start', '/api/recording/stop', '/api/recording/label'],
        'each once: a key pressed twice is one step',
      );
    }),
);

test('episodes: filter, play-back, relabel, trash and undo', { skip: noChromium }, () =>
  onPage('?render=off#/episodes', async ({ page, rig, until }) => {
    await page.waitForSelector(part('episode'));
    assert.equal(await page.locator(part('episode')).count(), 2);
    await page.fill(part('episode-filter'), 'dropped');
    await until('1 in the list', async () => (await page.locator(part('episode')).count()) === 1);
    await page.click(part('episode'));
    await page.waitForSelector(part('playback'));
    await page.keyboard.press('p');
    await until(
      'time of playback',
      async () => Number(await page.getAttribute(part('playback'), 'data-time')) > 0.2,
    );
    await page.keyboard.press('p');
    await page.waitForSelector(`${part('playback')}[data-playing="false"]`);
    await page.locator(part('timeline')).fill('3');
    await page.waitForSelector(`${part('playback')}[data-time="3.00"]`);
    await page.click(part('label-unlabelled'));
    await until('the label', () => rig.posts.at(-1)?.body['label'] === 'unlabelled');
    await page.fill(part('episode-filter'), '');
    await page.click(part('trash'));
    await until('1 in the list', async () => (await page.locator(part('episode')).count()) === 1);
    await page.click(part('toast-action'));
    await until('2 in the list', async () => (await page.locator(part('episode')).count()) === 2);
  }),
);

test('a lost server is said, and the page comes back on its own', { skip: noChromium }, () =>
  onPage(
    '?render=off',
    async ({ page, rig }) => {
      const port = Number(new URL(rig.url).port);
      await rig.close();
      await page.waitForSelector(part('disconnected'));
      const again = await FakeRig.open(dist, port);
      try {
        await page.waitForSelector(part('disconnected'), { state: 'detached' });
        assert.match(await text(page, 'link'), /live/);
      } finally {
        await again.close();
      }
    },
    /WebSocket|ERR_/,
  ),
);

test('the key list opens and closes by key', { skip: noChromium }, () =>
  onPage('?render=off', async ({ page }) => {
    await page.keyboard.press('Shift+Slash');
    await page.waitForSelector(part('keymap'));
    assert.match(await text(page, 'keymap'), /emergency stop/);
    await page.keyboard.press('Shift+Slash');
    await page.waitForSelector(part('keymap'), { state: 'detached' });
  }),
);
