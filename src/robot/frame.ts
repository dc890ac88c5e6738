/**
 * Records that travel beside the Tick: camera frames, scene poses, memory snapshots. Written by the camera workers,
 * the simulation thread and the loop; read by the recorder and the live stream. Times are monotonic seconds.
 */
import { Layout } from './layout.ts';
import type { CameraEntry } from './spec.ts';

/** Block of a camera frame; the slot's payload holds `byteLength` bytes of JPEG. One frame is encoded once. */
export const frameLayout = Layout.of('frame', [
  { name: 'seq', unit: '1', doc: 'counts up by one per frame of this camera, dropped ones included' },
  { name: 'time', unit: 's', doc: 'capture time: of the poses that are shown, or of the exposure' },
  { name: 'rendered', unit: 's', doc: 'when the pixels were there' },
  { name: 'encoded', unit: 's', doc: 'when the JPEG was there' },
  { name: 'width', unit: '1' },
  { name: 'height', unit: '1' },
  { name: 'byteLength', unit: '1', doc: 'bytes of JPEG in the payload' },
  { name: 'epoch', unit: '1', doc: 'resets of the simulated scene so far' },
]);

const FRAME = {
  seq: frameLayout.at('seq'),
  time: frameLayout.at('time'),
  rendered: frameLayout.at('rendered'),
  encoded: frameLayout.at('encoded'),
  width: frameLayout.at('width'),
  height: frameLayout.at('height'),
  byteLength: frameLayout.at('byteLength'),
  epoch: frameLayout.at('epoch'),
} as const;

/** Fills a frame record but for `encoded` and `byteLength`, which `stampEncoded` adds. */
export function stampFrame(
  block: Float64Array,
  entry: CameraEntry,
  seq: number,
  time: number,
  epoch: number,
  rendered: number,
): void {
  block[FRAME.seq] = seq;
  block[FRAME.time] = time;
  block[FRAME.rendered] = rendered;
  block[FRAME.width] = entry.width;
  block[FRAME.height] = entry.height;
  block[FRAME.epoch] = epoch;
}

export function stampEncoded(block: Float64Array, encoded: number, byteLength: number): void {
  block[FRAME.encoded] = encoded;
  block[FRAME.byteLength] = byteLength;
}

/** Scene poses of a simulated device: bodies in the order of its SceneDescription. */
export function posesLayout(bodies: number): Layout {
  return Layout.of('poses', [
    { name: 'time', unit: 's', doc: 'capture time' },
    { name: 'epoch', unit: '1' },
    {
      name: 'poses',
      length: bodies * 7,
      unit: 'm|1',
      doc: 'per body in the world: p x y z, quaternion x y z w',
    },
  ]);
}

/** What the loop writes for RequestKind.snapshot: the cycle's memory as it was before tick `tick` ran. */
export function snapshotLayout(memorySize: number): Layout {
  return Layout.of('snapshot', [
    { name: 'tick', unit: '1', doc: 'in.tick of the first tick that runs from this memory' },
    { name: 'time', unit: 's', doc: 'in.time of that tick' },
    { name: 'memory', length: memorySize, unit: 'mixed' },
  ]);
}
