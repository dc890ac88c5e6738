/**
 * Domain randomisation of what cameras see (Tobin et al. 2017): light, colours, textures and background, and of where
 * the arm starts. Every number is drawn by name, so that the episode tells what it was. Physics stays as it is.
 */
import type { Rng } from '../../src/math/rng.ts';
import type { TaskScene } from '../../src/robot/task.ts';

type Rgb = readonly [number, number, number];

/**
 * What a task calls after it has placed its objects: varies what the robot file allows. `objects` paints what the task
 * has besides table and floor.
 */
export function vary(
  scene: TaskScene,
  rng: Rng,
  objects?: (look: TaskScene['look'], rng: Rng) => void,
): void {
  if (scene.vary === 'none') return;
  light(scene, rng);
  surfaces(scene, rng);
  objects?.(scene.look, rng);
  if (scene.vary === 'all') start(scene, rng);
}

/** Key light from anywhere above, its strength and warmth; fill and ambient light. */
function light({ look }: TaskScene, rng: Rng): void {
  const azimuth = look.draw('light.azimuth', rng, -Math.PI, Math.PI);
  const height = look.draw('light.height', rng, 0.8, 1.4);
  const key = look.draw('light.key', rng, 0.42, 0.8);
  const fill = look.draw('light.fill', rng, 0.1, 0.3);
  const ambient = look.draw('light.ambient', rng, 0.2, 0.38);
  // −1 cool, 1 warm.
  const warmth = look.draw('light.warmth', rng, -1, 1);
  const tint: Rgb = [1 + 0.1 * warmth, 1, 1 - 0.12 * warmth];
  const level = Math.cos(height);
  look.light('key', {
    direction: [-level * Math.cos(azimuth), -level * Math.sin(azimuth), -Math.sin(height)],
    diffuse: scaled(tint, key),
    ambient: scaled(tint, ambient),
  });
  look.light('fill', { diffuse: scaled(tint, fill) });
}

/** Table, floor and background: any hue, little colour, plain or in squares. */
function surfaces({ look }: TaskScene, rng: Rng): void {
  for (const [name, low, high] of [
    ['table', 0.4, 0.85],
    ['floor', 0.25, 0.7],
  ] as const) {
    const hue = look.draw(`${name}.hue`, rng, 0, 1);
    const saturation = look.draw(`${name}.saturation`, rng, 0, 0.3);
    const value = look.draw(`${name}.value`, rng, low, high);
    const contrast = look.draw(`${name}.contrast`, rng, -0.08, 0.15);
    const perMetre = look.draw(`${name}.perMetre`, rng, name === 'table' ? 4 : 1, name === 'table' ? 22 : 4);
    const second = hsv(hue + 0.04, saturation, Math.max(0.1, value - contrast));
    // Below 0 it is plain: about one in three.
    look.paint(name, {
      rgb: hsv(hue, saturation, value),
      ...(contrast > 0 ? { checker: { rgb2: second, perMetre } } : {}),
    });
  }
  const hue = look.draw('sky.hue', rng, 0, 1);
  const value = look.draw('sky.value', rng, 0.35, 0.95);
  look.sky(hsv(hue, 0.12, value), hsv(hue, 0.2, 0.7 * value));
}

/** The cube from crimson to orange, always much more colourful than what it lies on; the bins a little different. */
export function cubeAndBins(look: TaskScene['look'], rng: Rng): void {
  const hue = look.draw('cube.hue', rng, -0.09, 0.1);
  const saturation = look.draw('cube.saturation', rng, 0.7, 0.95);
  const value = look.draw('cube.value', rng, 0.65, 0.95);
  look.paint('cube', { rgb: hsv(hue, saturation, value) });
  const green = look.draw('target_bin.hue', rng, 0.38, 0.52);
  look.paint('target_bin', { rgb: hsv(green, 0.75, look.draw('target_bin.value', rng, 0.3, 0.6)) });
  look.paint('object_bin', { rgb: hsv(0.6, 0.15, look.draw('object_bin.value', rng, 0.25, 0.6)) });
}

/** Each joint of the arm near its home. */
function start(scene: TaskScene, rng: Rng): void {
  const { q, opening } = scene.home;
  const near = q.map((home, i) => home + scene.look.draw(`start.joint${i + 1}`, rng, -START, START));
  scene.pose(near, opening);
}

/** rad */
const START = 0.12;

const scaled = (rgb: Rgb, k: number): Rgb => [rgb[0] * k, rgb[1] * k, rgb[2] * k];

/** Hue (whole turns), saturation and value 0..1 → sRGB. */
export function hsv(hue: number, saturation: number, value: number): Rgb {
  const channel = (n: number): number => {
    const k = (n + 6 * (hue - Math.floor(hue))) % 6;
    return value * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1)));
  };
  return [channel(5), channel(3), channel(1)];
}
