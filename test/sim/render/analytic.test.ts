/** What the renderer must show where geometry says it exactly. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRenderer } from '../../../sim/render/index.ts';
import type { SceneDescription, SceneLight } from '../../../src/robot/scene.ts';
import type { CameraEntry } from '../../../src/robot/spec.ts';
import { camera, geom, identityPoses, scene, type Vec3 } from '../../support/render-scene.ts';

interface Images {
  rgb: Uint8Array;
  depth: Float32Array;
  segments: Int32Array;
}

function render(description: SceneDescription, view: CameraEntry, samples: 1 | 2 = 2): Images {
  const renderer = createRenderer(description, view, { samples });
  const poses = identityPoses(description);
  const n = view.width * view.height;
  const out = { rgb: new Uint8Array(3 * n), depth: new Float32Array(n), segments: new Int32Array(n) };
  renderer.rgb(poses, out.rgb);
  renderer.depth(poses, out.depth);
  renderer.segmentation(poses, out.segments);
  return out;
}

/** Light from straight above alone: what is lit is 1, what is not is 0. */
const ZENITH: SceneLight = {
  directional: true,
  position: [0, 0, 3],
  direction: [0, 0, -1],
  diffuse: [1, 1, 1],
  ambient: [0, 0, 0],
  castsShadow: true,
};
const BLACK = { skyTop: [0, 0, 0], skyBottom: [0, 0, 0] } as const;

// Looks straight down from (0, 0, 2), image up = +y.
const down = camera([0, 0, 2], [0, 0, 0], { width: 161, height: 121, fovyDeg: 60 }, [0, 1, 0]);
const focal = 121 / 2 / Math.tan(Math.PI / 6);
const middle = 60 * 161 + 80;

test('depth of plane, box and sphere in the middle of the image', () => {
  const cases = [
    { g: geom('plane', [1, 1, 0]), want: 2 },
    { g: geom('plane', [0, 0, 0]), want: 2 },
    { g: geom('box', [0.3, 0.3, 0.25]), want: 1.75 },
    { g: geom('sphere', [0.5, 0, 0]), want: 1.5 },
    { g: geom('cylinder', [0.3, 0.4, 0]), want: 1.6 },
    { g: geom('capsule', [0.3, 0.4, 0]), want: 1.3 },
    { g: geom('ellipsoid', [0.3, 0.2, 0.6]), want: 1.4 },
  ];
  for (const { g, want } of cases) {
    const { depth, segments } = render(scene([g]), down);
    assert.ok(Math.abs(depth[middle]! - want) < 1e-6, `${g.type}: ${depth[middle]} instead of ${want}`);
    assert.equal(segments[middle], 0);
  }
});

test('depth is measured along the optical axis, and is infinite beside the scene', () => {
  const { depth, segments } = render(scene([geom('plane', [0.4, 0.4, 0])]), down);
  const x = 80 + Math.round((0.3 / 2) * focal);
  assert.ok(Math.abs(depth[60 * 161 + x]! - 2) < 1e-6);
  assert.equal(depth[0], Number.POSITIVE_INFINITY);
  assert.equal(segments[0], -1);
});

test('known points land within half a pixel of their pin-hole projection', () => {
  const view = camera([1.2, -0.7, 0.9], [0.1, 0.1, 0.1], { width: 200, height: 150, fovyDeg: 50 });
  const f = 75 / Math.tan((25 * Math.PI) / 180);
  const forward = normal([-1.1, 0.8, -0.8]);
  const right = normal(cross(forward, [0, 0, 1]));
  const up = cross(right, forward);
  for (const p of [
    [0, 0, 0],
    [0.3, 0.2, 0.1],
    [-0.2, 0.4, 0.3],
    [0.4, -0.3, 0.05],
  ] as Vec3[]) {
    const { segments } = render(scene([geom('sphere', [0.03, 0, 0], { position: p })]), view);
    let n = 0;
    let sx = 0;
    let sy = 0;
    segments.forEach((g, i) => {
      if (g !== 0) return;
      n++;
      sx += (i % 200) + 0.5;
      sy += Math.floor(i / 200) + 0.5;
    });
    const v: Vec3 = [p[0] - 1.2, p[1] + 0.7, p[2] - 0.9];
    const z = dot(v, forward);
    assert.ok(n > 15, `the ball at ${p} covers ${n} pixels`);
    assert.ok(Math.abs(sx / n - (100 + (f * dot(v, right)) / z)) < 0.5, `x of ${p}`);
    assert.ok(Math.abs(sy / n - (75 - (f * dot(v, up)) / z)) < 0.5, `y of ${p}`);
  }
});

test('a camera on a body moves with it', () => {
  const description = scene([geom('box', [0.1, 0.1, 0.1]), geom('sphere', [0.01, 0, 0], { body: 1 })]);
  const carried = {
    ...down,
    frame: 'body1',
    position: [0, 0, 0] as const,
    orientation: [0, 0, 0, 1] as const,
  };
  const renderer = createRenderer(description, carried);
  const depth = new Float32Array(161 * 121);
  const poses = identityPoses(description);
  poses[7 + 2] = 0.9;
  renderer.depth(poses, depth);
  assert.ok(Math.abs(depth[middle]! - 0.8) < 1e-6);
  // Turned by 90° about x it looks along +y and past the box.
  poses.set([0, 0, 0.9, Math.SQRT1_2, 0, 0, Math.SQRT1_2], 7);
  renderer.depth(poses, depth);
  assert.equal(depth[middle], Number.POSITIVE_INFINITY);
});

test('checker edges lie where perspective puts them, far and near alike', () => {
  const ground = geom('plane', [0, 0, 0], {
    rgba: [1, 1, 1, 1],
    checker: { rgb2: [0, 0, 0], perMetre: 2 },
  });
  const height = 1;
  const view = camera([0.25, 0.25, height], [0.25, 5.25, 0], { width: 120, height: 240, fovyDeg: 50 });
  const { rgb } = render(scene([ground], { lights: [ZENITH], ...BLACK }), view);
  const f = 120 / Math.tan((25 * Math.PI) / 180);
  const pitch = Math.atan2(1, 5);
  // Along the middle column the edges are at y = k/2; depression of the ray to (0.25, y, 0) from the camera.
  let found = 0;
  for (let k = 3; k <= 12; k++) {
    const angle = Math.atan2(height, k / 2 - 0.25) - pitch;
    const row = 120 + f * Math.tan(angle);
    if (row < 6 || row > 234) continue;
    const dark = (r: number): boolean => rgb[3 * (r * 120 + 60)]! < 128;
    const at = Math.floor(row);
    assert.notEqual(dark(at - 2), dark(at + 2), `no edge near row ${row.toFixed(1)}`);
    // The footprint average makes the pixel of the edge grey in proportion: its linear value tells where the edge is.
    const crossing = edge(rgb, 120, 60, at - 2, at + 2);
    assert.ok(Math.abs(crossing - row) < 0.3, `edge at ${crossing.toFixed(2)} instead of ${row.toFixed(2)}`);
    found++;
  }
  assert.ok(found >= 5, `${found} edges looked at`);
});

test('far squares below a pixel average to grey instead of aliasing', () => {
  const ground = geom('plane', [0, 0, 0], { rgba: [1, 1, 1, 1], checker: { rgb2: [0, 0, 0], perMetre: 40 } });
  const { rgb } = render(
    scene([ground], { lights: [ZENITH], ...BLACK }),
    camera([0, 0, 0.5], [0, 3, 0], { width: 160, height: 120 }),
  );
  const rows = [30, 34, 38];
  for (const y of rows) {
    const row = Array.from({ length: 160 }, (_, x) => rgb[3 * (y * 160 + x)]!);
    assert.ok(Math.max(...row) - Math.min(...row) < 50, `row ${y}: ${Math.min(...row)}..${Math.max(...row)}`);
  }
});

test('a shadow falls where the light says, and nowhere else', () => {
  const light: SceneLight = { ...ZENITH, direction: [-0.5, 0, -1] };
  const description = scene(
    [
      geom('plane', [1, 1, 0], { rgba: [1, 1, 1, 1], castsShadow: false }),
      geom('box', [0.1, 0.1, 0.02], { position: [0.3, 0, 0.6], rgba: [1, 0, 0, 1] }),
    ],
    { lights: [light], ...BLACK },
  );
  // Twice 0.3 m lower on average: the shadow of the box (z = 0.6) lies 0.3 m towards −x.
  const { rgb, segments } = render(description, down);
  const value = (x: number, y: number): number => {
    const i = Math.floor(60.5 - (y / 2) * focal) * 161 + Math.floor(80.5 + (x / 2) * focal);
    assert.equal(segments[i], 0, 'the point lies on the plane');
    return rgb[3 * i]!;
  };
  for (const [x, y] of [
    [0, 0],
    [0.06, 0.06],
    [-0.06, -0.06],
  ] as const)
    assert.ok(value(x, y) < 5, `${x} ${y}`);
  for (const [x, y] of [
    [-0.2, 0],
    [0, 0.2],
    [0, -0.2],
    [0.6, 0],
    [-0.6, 0.5],
  ] as const) {
    assert.ok(value(x, y) > 225, `${x} ${y} is ${value(x, y)}`);
  }
});

test('the shadow of a point light is as large as its rays make it', () => {
  const light: SceneLight = { ...ZENITH, directional: false, position: [0, 0, 1.5] };
  const description = scene(
    [
      geom('plane', [2, 2, 0], { rgba: [1, 1, 1, 1], castsShadow: false }),
      geom('box', [0.1, 0.1, 0.01], { position: [0, 0, 1] }),
    ],
    { lights: [light], ...BLACK },
  );
  const side = camera([0, -2.2, 1.2], [0, 0, 0], { width: 161, height: 121, fovyDeg: 50 });
  const { rgb, segments, depth } = render(description, side);
  // Edge of the shadow: 0.1 · 1.5 / (1.5 − 1.01) = 0.306 at the box's top edge, 0.3 at its bottom.
  let dark = 0;
  let bright = 0;
  const f = 60.5 / Math.tan((25 * Math.PI) / 180);
  const forward = normal([0, 2.2, -1.2]);
  const up = cross([1, 0, 0], forward);
  segments.forEach((g, i) => {
    if (g !== 0) return;
    const u = ((i % 161) + 0.5 - 80.5) / f;
    const v = -(Math.floor(i / 161) + 0.5 - 60.5) / f;
    const z = depth[i]!;
    const x = z * u;
    const y = -2.2 + z * (forward[1] + v * up[1]);
    const r = Math.max(Math.abs(x), Math.abs(y));
    if (r < 0.27) {
      dark++;
      assert.ok(rgb[3 * i]! < 5, `(${x.toFixed(2)}, ${y.toFixed(2)}) should be in shadow`);
    }
    if (r > 0.34 && r < 0.8) {
      bright++;
      assert.ok(rgb[3 * i]! > 150, `(${x.toFixed(2)}, ${y.toFixed(2)}) should be lit`);
    }
  });
  assert.ok(dark > 100 && bright > 500, `${dark} dark and ${bright} bright pixels looked at`);
});

test('lit flat and round surfaces have no shadow acne', () => {
  const description = scene(
    [
      geom('box', [0.5, 0.5, 0.05], { position: [0, 0, -0.05], rgba: [1, 1, 1, 1] }),
      geom('sphere', [0.2, 0, 0], { position: [0, 0, 0.6], rgba: [1, 0, 0, 1] }),
    ],
    { lights: [{ ...ZENITH, direction: [-0.3, 0.2, -1] }], ...BLACK },
  );
  const lit = render(description, down).rgb;
  const free = render(
    { ...description, lights: [{ ...ZENITH, direction: [-0.3, 0.2, -1], castsShadow: false }] },
    down,
  );
  free.segments.forEach((g, i) => {
    const x = i % 161;
    // The shadow of the ball lies to the left; to the right all is lit but the ball's own far side.
    if (g < 0 || x < 85 || free.rgb[3 * i]! < 100) return;
    if ([i - 1, i + 1, i - 161, i + 161].some((j) => free.segments[j] !== g)) return;
    const difference = Math.abs(lit[3 * i]! - free.rgb[3 * i]!);
    assert.ok(difference <= 2, `pixel ${x}, ${Math.floor(i / 161)} of geom ${g} differs by ${difference}`);
  });
});

test('near-plane clipping: a floor under the camera, and a box that reaches behind it', () => {
  const view = camera([0, 0, 0.05], [1, 0, 0.05], { width: 80, height: 60, fovyDeg: 90 });
  const floor = render(scene([geom('plane', [5, 5, 0])]), view);
  for (let y = 32; y < 60; y++) {
    // Below the horizon: depth = height · f / (row − centre).
    const want = (0.05 * 30) / (y + 0.5 - 30);
    assert.ok(Math.abs(floor.depth[y * 80 + 40]! - want) < 1e-3 * want, `row ${y}`);
  }
  const wall = render(scene([geom('box', [2, 0.5, 1], { position: [0, 1, 0] })]), view);
  // The wall at y = 0.5 fills the left half of the image, from behind the camera to x = 2.
  for (let x = 0; x < 80; x++) {
    const slope = (x + 0.5 - 40) / 30;
    // The ray along the wall's far edge may go either way.
    if (slope === -0.25) continue;
    const want = slope < -0.25 ? -0.5 / slope : Number.POSITIVE_INFINITY;
    const got = wall.depth[30 * 80 + x]!;
    assert.ok(got === want || Math.abs(got - want) < 1e-3 * want, `column ${x}: ${got} instead of ${want}`);
  }
});

test('a camera inside a geom does not see its inner side', () => {
  const { segments } = render(scene([geom('sphere', [3, 0, 0]), geom('box', [0.1, 0.1, 0.1])]), down);
  assert.equal(segments[middle], 1);
  assert.equal(segments[0], -1);
});

test('see-through geoms let a share of what lies behind through', () => {
  const value = (alpha: number): number => {
    const veil = geom('box', [1, 1, 0.01], {
      position: [0, 0, 0.5],
      rgba: [0, 0, 0, alpha],
      castsShadow: false,
    });
    const ground = geom('plane', [3, 3, 0], { rgba: [1, 1, 1, 1] });
    return render(scene([ground, veil], { lights: [ZENITH], ...BLACK }), down).rgb[3 * middle]!;
  };
  const linear = [1, 0.75, 0.5, 0.25, 0].map((alpha) => (value(alpha) / 255) ** 2.2);
  [0, 0.25, 0.5, 0.75, 1].forEach((want, i) => {
    assert.ok(Math.abs(linear[i]! - want) < 0.03, `${linear[i]} instead of ${want}`);
  });
});

test('an unknown frame and a wrong image size are refused in words', () => {
  const description = scene([geom('sphere', [1, 0, 0])]);
  assert.throws(() => createRenderer(description, { ...down, frame: 'elbow' }), /test is carried by elbow/);
  const renderer = createRenderer(description, down);
  assert.throws(() => renderer.rgb(identityPoses(description), new Uint8Array(7)), /7 values/);
});

/** Row at which the column passes from dark to bright or back between two rows, from the linear light in between. */
function edge(rgb: Uint8Array, width: number, x: number, from: number, to: number): number {
  const linear = (y: number): number => (rgb[3 * (y * width + x)]! / 255) ** 2.2;
  const first = linear(from);
  const last = linear(to);
  let sum = 0;
  for (let y = from; y <= to; y++) sum += (linear(y) - last) / (first - last);
  return from + sum;
}

function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
function cross(a: Vec3, b: Vec3): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
function normal(a: Vec3): Vec3 {
  const n = Math.hypot(...a);
  return [a[0] / n, a[1] / n, a[2] / n];
}
