/** A fresh page of the console on a fresh made-up rig: what tests of the page alone run in. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { packageRoot } from '../../src/root.ts';
import type { Browser } from './browser.ts';
import { FakeRig } from './fake-rig.ts';

/** The built console. */
export const dist = path.join(packageRoot(), 'dist', 'console');
export const part = (id: string): string => `[data-testid="${id}"]`;

export interface Scene {
  readonly rig: FakeRig;
  readonly page: Page;
  /** Waits until something seen by the server is true. */
  until(what: string, met: () => boolean | Promise<boolean>): Promise<void>;
}

/** Runs `run` on a fresh page of a fresh fake rig, then demands that the page reported no errors but those expected. */
export async function runOnPage(
  browser: Browser,
  query: string,
  run: (scene: Scene) => Promise<void>,
  expected?: RegExp,
): Promise<void> {
  const rig = await FakeRig.open(dist);
  browser.errors.length = 0;
  const page = await browser.page();
  try {
    await page.goto(rig.url + query);
    await page.waitForSelector(`${part('mode')}[data-mode="holding"]`);
    await run({
      rig,
      page,
      async until(what, met) {
        const end = Date.now() + 60_000;
        while (!(await met())) {
          if (Date.now() > end) throw new Error(`waited for: ${what}`);
          await new Promise((r) => setTimeout(r, 10));
        }
      },
    });
    assert.deepEqual(
      browser.errors.filter((e) => !expected?.test(e)),
      [],
    );
  } finally {
    await page.close();
    await rig.close();
  }
}

export async function takeControl({ page, until, rig }: Scene): Promise<void> {
  await page.keyboard.press('t');
  await page.waitForSelector(`${part('lease')}:not([data-lease="0"])`);
  await until('operator input', () => rig.inputs > 3);
}

export const text = async (page: Page, id: string): Promise<string> =>
  (await page.textContent(part(id))) ?? '';
