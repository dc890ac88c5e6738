/**
 * Camera pictures of the pick-cube scene: our renderer against MuJoCo's own over software GL, same poses, same camera,
 * same features (4 samples per pixel, a shadow map of the same size). First both pictures are compared, so that both
 * are known to draw the same thing.
 */
import { createRenderer, type RenderOptions } from '../sim/render/index.ts';
import type { CameraEntry } from '../src/robot/spec.ts';
import { findPython } from '../test/support/python.ts';
import {
  type BenchContext,
  type BenchResult,
  combine,
  compare,
  type Measured,
  type Peer,
} from './harness.ts';
import { MujocoRenderer, type PeerQuality } from './render-peer.ts';
import { agreement, type DrawnScene, drawnScene } from './render-scene.ts';

const SIZES = [
  { width: 96, height: 96, frames: 60 },
  { width: 640, height: 480, frames: 12 },
] as const;

/** Ratio that the 96 × 96 picture has to keep. */
const LIMIT = 0.5;
/** Both must see the same geom on so many pixels, and the same mean colour (0..255) within so much. */
const SAME_GEOMS = 0.97;
const SAME_COLOR = 40;

/**
 * Where MuJoCo cannot draw: a lower bound of its time, measured on an idle machine with a simpler scene (13 geoms),
 * with shadows (1024) but one sample per pixel; `bare` without shadows too.
 */
const FLOOR = {
  name: 'lower bound of MuJoCo 4.0.0 with OSMesa (Mesa 22.3.6) on 2 idle cores of an AMD EPYC',
  alike: { '96×96': 10.5, '640×480': 17.7 },
  bare: { '96×96 bare': 2.2, '640×480 bare': 6.6 },
} as const;

interface Part {
  readonly suffix: string;
  readonly options: (width: number) => RenderOptions;
  readonly quality: (width: number) => PeerQuality;
  readonly floor: Measured;
  readonly limit: boolean;
}

const PARTS: readonly Part[] = [
  {
    suffix: '',
    options: (width) => ({ samples: 2, shadowSize: shadowSize(width) }),
    quality: (width) => ({ shadowSize: shadowSize(width), samples: 4 }),
    floor: FLOOR.alike,
    limit: true,
  },
  {
    // One sample, no shadows: the least that either can do.
    suffix: ' bare',
    options: () => ({ samples: 1, shadowSize: 0 }),
    quality: () => ({ shadowSize: 0, samples: 0 }),
    floor: FLOOR.bare,
    limit: false,
  },
];

const shadowSize = (width: number): number => (width <= 128 ? 256 : 1024);

export async function run(context: BenchContext): Promise<BenchResult> {
  const scene = await drawnScene('pick-cube');
  const front = scene.cameras[0]!;
  const python = findPython(['mujoco', 'OpenGL', 'numpy']);
  const parts: BenchResult[] = [];
  for (const part of PARTS) {
    for (const { width, height, frames } of SIZES) {
      const camera = { ...front, width, height };
      const name = `${width}×${height}${part.suffix}`;
      const peer =
        python.skip === false
          ? await open(python.python, scene, camera, part.quality(width))
          : { absent: python.skip };
      try {
        if (peer instanceof MujocoRenderer) await checkSame(scene, camera, peer, context);
        else context.log(`render: no peer: ${peer.absent}`);
        parts.push(
          await compare(context, {
            bench: 'render',
            cases: [
              {
                name,
                unit: 'ms',
                better: 'lower',
                ...(part.limit && width === 96 ? { limit: { ratio: LIMIT } } : {}),
              },
            ],
            ours: ours(scene, camera, part.options(width), frames, name),
            peer: peerOf(peer, camera, frames, name, part.floor),
          }),
        );
      } finally {
        if (peer instanceof MujocoRenderer) peer[Symbol.dispose]();
      }
    }
  }
  return combine('render', parts);
}

async function open(
  python: string,
  scene: DrawnScene,
  camera: CameraEntry,
  quality: PeerQuality,
): Promise<MujocoRenderer | { readonly absent: string }> {
  const peer = await MujocoRenderer.open(python, scene.model, [camera], quality);
  if (peer instanceof MujocoRenderer) await peer.pose(scene.peerPose);
  return peer;
}

/** Median milliseconds of one picture, poses in, pixels out. */
function ours(
  scene: DrawnScene,
  camera: CameraEntry,
  options: RenderOptions,
  frames: number,
  name: string,
): (repeat: number) => Promise<Measured> {
  const renderer = createRenderer(scene.description, camera, options);
  const pixels = new Uint8Array(camera.width * camera.height * 3);
  return (repeat) => {
    // The warm-up lets the compiler finish its work.
    const times = Array.from({ length: repeat < 0 ? 100 : frames }, () => {
      const start = performance.now();
      renderer.rgb(scene.poses, pixels);
      return performance.now() - start;
    });
    return Promise.resolve({ [name]: middle(times) });
  };
}

function peerOf(
  peer: MujocoRenderer | { readonly absent: string },
  camera: CameraEntry,
  frames: number,
  name: string,
  floor: Measured,
): Peer {
  if (!(peer instanceof MujocoRenderer)) {
    return { absent: peer.absent, floor: { name: FLOOR.name, values: floor } };
  }
  return {
    name: `MuJoCo renderer, ${peer.gl}`,
    run: async () => ({ [name]: middle(await peer.time(camera.name, camera.width, camera.height, frames)) }),
  };
}

const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

/** Throws when the two do not draw the same thing. */
async function checkSame(
  scene: DrawnScene,
  camera: CameraEntry,
  peer: MujocoRenderer,
  context: BenchContext,
): Promise<void> {
  const { width, height } = camera;
  const renderer = createRenderer(scene.description, camera);
  const segments = new Int32Array(width * height);
  const pixels = new Uint8Array(width * height * 3);
  renderer.segmentation(scene.poses, segments);
  renderer.rgb(scene.poses, pixels);
  const depth = new Float32Array(width * height);
  renderer.depth(scene.poses, depth);
  const theirs = new Int32Array(await peer.image(camera.name, width, height, 'segmentation'));
  const colors = new Uint8Array(await peer.image(camera.name, width, height, 'rgb'));
  const same = agreement(segments, theirs, depth);
  const color = [0, 1, 2].map((k) => mean(pixels, k) - mean(colors, k));
  context.log(
    `render: ${width}×${height}: same geom on ${(100 * same).toFixed(2)} % of the pixels, mean colours differ by ${color.map((c) => c.toFixed(0)).join(', ')}`,
  );
  if (same < SAME_GEOMS || color.some((c) => Math.abs(c) > SAME_COLOR)) {
    throw new Error('ours and the peer do not draw the same picture: the comparison would mean nothing');
  }
}

function mean(pixels: Uint8Array, channel: number): number {
  let sum = 0;
  for (let i = channel; i < pixels.length; i += 3) sum += pixels[i]!;
  return (3 * sum) / pixels.length;
}
