/** The other thread of bench channel. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ChannelBuffer, LatestEnd, LatestView, RingEnd, RingView } from '../src/loop/channel.ts';

export interface ChannelJob {
  readonly role: 'ring-write' | 'ring-echo' | 'latest-echo' | 'message-write' | 'message-echo';
  readonly a: ChannelBuffer;
  readonly b: ChannelBuffer;
  readonly count: number;
  readonly size: number;
}

const job = workerData as ChannelJob;
const port = parentPort!;
const { a, b, count } = job;

switch (job.role) {
  case 'ring-write': {
    const out = new RingEnd(a);
    const block = new Float64Array(job.size);
    for (let n = 1; n <= count; ) {
      block[0] = n;
      if (out.slot() !== null && out.write(block)) n++;
    }
    break;
  }
  case 'ring-echo': {
    const input = new RingView(a);
    const out = new RingEnd(b);
    for (let n = 0; n < count; n++) {
      input.wait(10_000);
      out.write(input.peek()!.block);
      input.release();
    }
    break;
  }
  case 'latest-echo': {
    const input = new LatestView(a);
    const out = new LatestEnd(b);
    for (let n = 0; n < count; ) {
      const seen = input.version();
      if (input.take()) {
        out.block.set(input.block);
        out.publish();
        n++;
      } else input.wait(seen, 10_000);
    }
    break;
  }
  case 'message-write': {
    const block = new Float64Array(job.size);
    for (let n = 1; n <= count; n++) {
      block[0] = n;
      port.postMessage(block);
    }
    break;
  }
  case 'message-echo': {
    let n = 0;
    port.on('message', (block: Float64Array) => {
      port.postMessage(block);
      if (++n === count) port.close();
    });
    break;
  }
  default:
    job.role satisfies never;
}
