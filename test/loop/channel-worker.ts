/** The other thread of channel.test.ts: plays one role on the channels it is given and reports what it saw. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ChannelBuffer, LatestEnd, LatestView, RingEnd, RingView } from '../../src/loop/channel.ts';

export interface Job {
  readonly role: 'latest-write' | 'ring-write' | 'ring-flood' | 'echo-latest' | 'echo-ring' | 'broken-write';
  readonly a: ChannelBuffer;
  readonly b?: ChannelBuffer;
  readonly count: number;
}

/** Fills a record so that any mixture of two records is seen: every value depends on the number, the last on all. */
export function fill(block: Float64Array, n: number): void {
  let sum = n;
  block[0] = n;
  for (let i = 1; i < block.length - 1; i++) {
    const value = n * 31 + i;
    block[i] = value;
    sum += value;
  }
  block[block.length - 1] = sum;
}

/** The record's number, or -1 when it is a mixture. */
export function check(block: Float64Array): number {
  const n = block[0]!;
  let sum = n;
  for (let i = 1; i < block.length - 1; i++) {
    const value = block[i]!;
    if (value !== n * 31 + i) return -1;
    sum += value;
  }
  return block[block.length - 1] === sum ? n : -1;
}

function run(job: Job): unknown {
  switch (job.role) {
    case 'latest-write': {
      const out = new LatestEnd(job.a);
      const enough = new LatestView(job.b!);
      let n = 0;
      while (n < job.count || enough.version() === 0) {
        fill(out.block, ++n);
        out.bytes.fill(n & 255);
        out.publish();
      }
      return n;
    }
    case 'broken-write': {
      const block = new Float64Array(job.a.shared, 192, job.a.size);
      for (let n = 1; n <= job.count; n++) fill(block, n);
      return null;
    }
    case 'ring-write': {
      const out = new RingEnd(job.a);
      for (let n = 1; n <= job.count; n++) {
        let slot = out.slot();
        while (slot === null) slot = out.slot();
        fill(slot.block, n);
        slot.bytes.fill(n & 255);
        out.commit();
      }
      return null;
    }
    case 'ring-flood': {
      const out = new RingEnd(job.a);
      const block = new Float64Array(job.a.size);
      let refused = 0;
      for (let n = 1; n <= job.count; n++) {
        fill(block, n);
        if (!out.write(block)) refused++;
      }
      return refused;
    }
    case 'echo-latest': {
      const input = new LatestView(job.a);
      const out = new LatestEnd(job.b!);
      let late = 0;
      for (let done = 0; done < job.count; ) {
        const seen = input.version();
        if (input.take()) {
          fill(out.block, check(input.block));
          out.publish();
          done++;
        } else if (!input.wait(seen, 10_000)) {
          late++;
          break;
        }
      }
      return late;
    }
    case 'echo-ring': {
      const input = new RingView(job.a);
      const out = new RingEnd(job.b!);
      const block = new Float64Array(job.a.size);
      for (let done = 0; done < job.count; done++) {
        if (!input.wait(10_000)) return 1;
        fill(block, check(input.peek()!.block));
        input.release();
        out.write(block);
      }
      return 0;
    }
    default:
      return job.role satisfies never;
  }
}

if (parentPort !== null && workerData !== null) {
  const job = workerData as Job;
  if ('role' in job) parentPort.postMessage(run(job));
}
