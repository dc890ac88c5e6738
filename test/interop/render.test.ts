/** Our pictures against MuJoCo's own renderer: the same geoms, the same depth, on every task's scene. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MujocoRenderer } from '../../bench/render-peer.ts';
import { agreement, drawnScene } from '../../bench/render-scene.ts';
import { createRenderer } from '../../sim/render/index.ts';
import { findPython } from '../support/python.ts';

const { python, skip } = findPython(['mujoco', 'OpenGL', 'numpy']);
const WIDTH = 320;
const HEIGHT = 240;
/** Geoms smaller than this on the image are all edge. */
const PIXELS = 120;

for (const task of ['pick-cube', 'pick-place-bin']) {
  test(`${task}: segmentation and depth agree with MuJoCo's renderer`, { skip }, async (t) => {
    const scene = await drawnScene(task, 5);
    const cameras = scene.cameras.map((c) => ({ ...c, width: WIDTH, height: HEIGHT }));
    const quality = { shadowSize: 256, samples: 1 };
    const peer = await MujocoRenderer.open(python, scene.model, cameras, quality);
    if (!(peer instanceof MujocoRenderer)) {
      t.skip(peer.absent);
      return;
    }
    try {
      await peer.pose(scene.peerPose);
      for (const camera of cameras) {
        const renderer = createRenderer(scene.description, camera);
        const segments = new Int32Array(WIDTH * HEIGHT);
        const depth = new Float32Array(WIDTH * HEIGHT);
        renderer.segmentation(scene.poses, segments);
        renderer.depth(scene.poses, depth);
        const theirs = new Int32Array(await peer.image(camera.name, WIDTH, HEIGHT, 'segmentation'));
        const theirDepth = new Float32Array(await peer.image(camera.name, WIDTH, HEIGHT, 'depth'));

        const same = agreement(segments, theirs, depth);
        assert.ok(same > 0.99, `${camera.name}: same geom on ${(100 * same).toFixed(2)} %`);
        let looked = 0;
        for (let g = 0; g < scene.description.geoms.length; g++) {
          let both = 0;
          let either = 0;
          for (let i = 0; i < segments.length; i++) {
            if (depth[i]! > 5) continue;
            const a = segments[i] === g;
            const b = theirs[i] === g;
            if (a && b) both++;
            if (a || b) either++;
          }
          if (either < PIXELS) continue;
          looked++;
          const name = scene.description.geoms[g]!.name;
          assert.ok(both / either > 0.85, `${camera.name}: geom ${g} (${name}): IoU ${both / either}`);
        }
        assert.ok(looked >= 5, `${looked} geoms are large enough to compare`);

        // Depth where both see the same geom within two metres, away from edges: a few mm of MuJoCo's 24-bit buffer.
        const errors: number[] = [];
        for (let i = 0; i < depth.length; i++) {
          if (segments[i] === theirs[i] && theirDepth[i]! < 2)
            errors.push(Math.abs(depth[i]! - theirDepth[i]!));
        }
        errors.sort((a, b) => a - b);
        assert.ok(errors.length > 20_000, `${errors.length} depths compared`);
        const p99 = errors[Math.floor(0.99 * errors.length)]!;
        assert.ok(p99 < 0.01, `${camera.name}: depth differs by ${p99} m at the 99th percentile`);
      }
    } finally {
      peer[Symbol.dispose]();
    }
  });
}
