/** How many channels ONNX Runtime's convolutions keep side by side on this processor. */
import { Graph } from '../graph.ts';
import { NCHWC } from '../onnx/builder.ts';
import { stopGradient } from '../ops.ts';
import { OrtExecutor } from './ort.ts';

let known: Promise<number> | undefined;

/**
 * Channels of a block of blocked images (MLAS, NCHWc): 16 with AVX-512, 8 with AVX2. ONNX Runtime does not tell, so one image is
 * brought into blocks, and where its second place lies tells. @returns 0 where ONNX Runtime has no such operators.
 */
export const channelBlock = (): Promise<number> => {
  known ??= ask();
  return known;
};

const CHANNELS = 64;

async function ask(): Promise<number> {
  const graph = new Graph();
  graph.output('y', stopGradient(graph.input('x', [1, CHANNELS, 1, 2])));
  let executor: OrtExecutor;
  try {
    executor = await OrtExecutor.open(graph, {
      threads: 1,
      lowerings: {
        StopGradient: ({ inputs: [x], outputs: [y] }, to) =>
          to.node('ReorderInput', [to.name(x!)], [to.name(y!)], { channels_last: 0 }, NCHWC),
      },
    });
  } catch {
    return 0;
  }
  await using opened = executor;
  // 0 at the first place, 1 at the second.
  const data = Float32Array.from({ length: 2 * CHANNELS }, (_, i) => i % 2);
  const { y } = await opened.run({ x: { data, shape: [1, CHANNELS, 1, 2] } });
  const block = (y!.data as Float32Array).indexOf(1);
  return block >= 4 && CHANNELS % block === 0 ? block : 0;
}
