/** What crosses between the rig's main thread and its policy thread. */
import type { ChannelBuffer } from '../loop/channel.ts';
import type { Request } from '../policy/request.ts';
import { Layout } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';

export interface PolicyWorkerData {
  readonly spec: RobotSpec;
  /** Tick records, every one. */
  readonly ticks: ChannelBuffer;
  /** Rows of chunks. */
  readonly chunks: ChannelBuffer;
  /** Frames per camera (frameLayout, JPEG), every one. */
  readonly frames: readonly ChannelBuffer[];
  /** Latest of policyStatusLayout. */
  readonly status: ChannelBuffer;
}

export type PolicyOrder =
  | { readonly type: 'load'; readonly folder: string; readonly request: Request; readonly threads: number }
  | { readonly type: 'unload' };

export const policyStatusLayout = Layout.of('policyStatus', [
  { name: 'chunks', unit: '1', doc: 'chunks handed to the loop since the activation' },
  { name: 'refused', unit: '1', doc: 'observations and chunks that were refused since then' },
  { name: 'underruns', unit: '1', doc: 'times that the rows ran out since then' },
  { name: 'inferenceMs', unit: 'ms', doc: 'time of the newest call of the model' },
  { name: 'observedAt', unit: 's', doc: 'observation time of the newest chunk; NaN before the first' },
]);
