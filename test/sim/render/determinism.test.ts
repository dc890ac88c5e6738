/** Same poses, same bytes; nothing allocated per frame; golden pictures. `UPDATE_GOLDEN=1` rewrites the pictures. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { createRenderer } from '../../../sim/render/index.ts';
import type { CameraEntry } from '../../../src/robot/spec.ts';
import { packageRoot } from '../../../src/root.ts';
import { deskFront, deskPoses, deskScene, deskWrist } from '../../support/render-scene.ts';

const FOLDER = join(packageRoot(), 'test', 'golden', 'render');

function moved(t: number): Float64Array {
  const poses = deskPoses();
  poses[7] = poses[7]! + 0.05 * Math.sin(t);
  poses[9] = poses[9]! - 0.04 * Math.cos(t);
  return poses;
}

function picture(view: CameraEntry, poses: Float64Array): Uint8Array {
  const out = new Uint8Array(3 * view.width * view.height);
  createRenderer(deskScene(), view).rgb(poses, out);
  return out;
}

test('same poses give the same bytes: again, in another instance, and after other frames', () => {
  const renderer = createRenderer(deskScene(), deskFront);
  const first = new Uint8Array(3 * deskFront.width * deskFront.height);
  const again = new Uint8Array(first.length);
  const depth = new Float32Array(deskFront.width * deskFront.height);
  renderer.rgb(moved(0), first);
  for (let i = 1; i < 5; i++) renderer.rgb(moved(i), again);
  assert.notDeepEqual(again, first);
  renderer.depth(moved(3), depth);
  renderer.rgb(moved(0), again);
  assert.deepEqual(again, first);
  assert.deepEqual(picture(deskFront, moved(0)), first);
});

test('a frame allocates nothing to speak of', () => {
  const renderer = createRenderer(deskScene(), deskFront);
  const n = deskFront.width * deskFront.height;
  const rgb = new Uint8Array(3 * n);
  const poses = deskPoses();
  const frames = 20;
  for (let i = 0; i < 300; i++) renderer.rgb(poses, rgb);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < frames; i++) renderer.rgb(poses, rgb);
    const rise = (process.memoryUsage().heapUsed - before) / frames;
    // A collection in between makes it negative: that round says nothing.
    if (rise >= 0) least = Math.min(least, rise);
  }
  // One object per pixel would be 300 kB, one per geom above 16 bytes 1 kB or more.
  assert.ok(least < 4096, `${least} bytes per frame`);
});

for (const [name, view] of [
  ['desk-front', { ...deskFront, width: 160, height: 120 }],
  ['desk-wrist', { ...deskWrist, width: 160, height: 120 }],
  ['desk-front-96', { ...deskFront, width: 96, height: 96 }],
] as const) {
  test(`golden picture ${name}`, async () => {
    const file = join(FOLDER, `${name}.png`);
    const got = picture(view, deskPoses());
    if (process.env['UPDATE_GOLDEN'] === '1') {
      mkdirSync(FOLDER, { recursive: true });
      const raw = { width: view.width, height: view.height, channels: 3 } as const;
      writeFileSync(file, await sharp(got, { raw }).png().toBuffer());
      assert.fail(`${file} was rewritten: look at it, then run again without UPDATE_GOLDEN`);
    }
    const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    assert.deepEqual([info.width, info.height], [view.width, view.height]);
    // Math.sin and Math.tan may differ in the last bit between builds of V8; that moves a value by one step, and a
    // sample on an edge at most here and there.
    let off = 0;
    let worst = 0;
    for (let i = 0; i < got.length; i++) {
      const difference = Math.abs(got[i]! - data[i]!);
      if (difference > 1) off++;
      worst = Math.max(worst, difference);
    }
    assert.ok(
      off <= got.length / 2000,
      `${off} of ${got.length} values differ by more than 1, at most by ${worst}`,
    );
  });
}
