/** The shared memory of simulated cameras: what goes to the recorder, to the live stream and to policies. */
import { type ChannelBuffer, latest, ring } from '../loop/channel.ts';
import { frameLayout } from '../robot/frame.ts';
import { Layout } from '../robot/layout.ts';
import type { CameraEntry } from '../robot/spec.ts';

export interface CameraChannels {
  /** Ring for the recorder: every frame, JPEG in the payload; refused frames are counted. */
  readonly record: ChannelBuffer;
  /** Latest for the live stream: the newest frame, JPEG in the payload. */
  readonly stream: ChannelBuffer;
  /** Ring for the policy thread: every frame as it is recorded; full and at rest while there is none. */
  readonly policy: ChannelBuffer;
}

/** A disk may stall this long before frames are lost, s. */
const STALL = 4;

/** Frames that wait while a policy thinks. */
const THINKING = 8;

export function cameraChannels(entry: CameraEntry): CameraChannels {
  const raw = entry.width * entry.height * 3;
  // A JPEG of noise at quality 100 is about as large as its pixels. Memory behind it that is never written is never
  // really taken.
  const jpeg = raw + 4096;
  return {
    record: ring(frameLayout.size, Math.max(8, Math.ceil(STALL * entry.fps)), jpeg),
    stream: latest(frameLayout.size, jpeg),
    policy: ring(frameLayout.size, THINKING, jpeg),
  };
}

/** How each camera does: written by the worker about twice a second and after each frame. */
export interface CameraStats {
  readonly name: string;
  /** Wanted and really delivered over the last two seconds. */
  readonly fps: number;
  readonly measuredFps: number;
  /** Delivered since the start. */
  readonly frames: number;
  /** Due but not delivered: the thread was late, the encoder busy. */
  readonly dropped: number;
  /** Delivered, but the recorder's ring was full. */
  readonly refused: number;
  /** Capture time of the newest frame; NaN before the first. */
  readonly time: number;
  /** Seconds that the newest frame took to render, and to encode. */
  readonly renderTime: number;
  readonly encodeTime: number;
}

const FIELDS = [
  'fps',
  'measuredFps',
  'frames',
  'dropped',
  'refused',
  'time',
  'renderTime',
  'encodeTime',
] as const;
export const STATS_SIZE = FIELDS.length;

/** Block of the statistics Latest: the fields above for each camera. */
export function cameraStatsLayout(cameras: number): Layout {
  return Layout.of(
    'cameraStats',
    Array.from({ length: cameras }, (_, i) =>
      FIELDS.map((name) => ({ name: `${i}.${name}`, unit: 'mixed' })),
    ).flat(),
  );
}

export function writeStats(block: Float64Array, camera: number, stats: CameraStats): void {
  FIELDS.forEach((name, i) => {
    block[camera * STATS_SIZE + i] = stats[name];
  });
}

export function readStats(block: Float64Array, camera: number, name: string): CameraStats {
  const value = (i: number): number => block[camera * STATS_SIZE + i]!;
  return {
    name,
    fps: value(0),
    measuredFps: value(1),
    frames: value(2),
    dropped: value(3),
    refused: value(4),
    time: value(5),
    renderTime: value(6),
    encodeTime: value(7),
  };
}
