/**
 * The channels of the rig between two threads, against what Node has for the same: postMessage of the same block.
 * Throughput of a Ring read as fast as it can be, and the round trip there and back with both sides asleep in between
 * (the other thread in Atomics.wait, this main thread in Atomics.waitAsync).
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { LatestEnd, LatestView, latest, RingEnd, RingView, ring } from '../src/loop/channel.ts';
import type { ChannelJob } from './channel-worker.ts';
import { type BenchContext, type BenchResult, compare, type Measured, quantile } from './harness.ts';

/** About a tick record. */
const SIZE = 400;
const RECORDS = 100_000;
const ROUNDS = 2000;

function start(job: Omit<ChannelJob, 'size'>): Worker {
  return new Worker(new URL('./channel-worker.js', import.meta.url), { workerData: { ...job, size: SIZE } });
}

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function ringThroughput(): Promise<number> {
  const a = ring(SIZE, 1024);
  const view = new RingView(a);
  const worker = start({ role: 'ring-write', a, b: a, count: RECORDS });
  const ended = once(worker, 'exit');
  while (view.peek() === null) await breathe();
  const begin = performance.now();
  for (let n = 1; n <= RECORDS; ) {
    const slot = view.peek();
    if (slot === null) continue;
    if (slot.block[0] !== n) throw new Error(`record ${slot.block[0]} came instead of ${n}`);
    view.release();
    n++;
  }
  const rate = (RECORDS / (performance.now() - begin)) * 1000;
  await ended;
  return rate;
}

async function messageThroughput(): Promise<number> {
  const a = ring(1, 2);
  const count = RECORDS / 4;
  const worker = start({ role: 'message-write', a, b: a, count });
  let n = 0;
  let begin = 0;
  await new Promise<void>((resolve) => {
    worker.on('message', () => {
      if (n === 0) begin = performance.now();
      if (++n === count) resolve();
    });
  });
  const rate = (count / (performance.now() - begin)) * 1000;
  await worker.terminate();
  return rate;
}

/** Round trips in µs: p50 and p99. */
async function roundTrips(trip: (n: number) => Promise<void>): Promise<readonly [number, number]> {
  const times: number[] = [];
  for (let n = 1; n <= ROUNDS; n++) {
    const begin = performance.now();
    await trip(n);
    times.push((performance.now() - begin) * 1000);
  }
  const sorted = Float64Array.from(times).sort();
  return [quantile(sorted, 0.5), quantile(sorted, 0.99)];
}

async function latestTrips(): Promise<readonly [number, number]> {
  const [a, b] = [latest(SIZE), latest(SIZE)];
  const worker = start({ role: 'latest-echo', a, b, count: ROUNDS });
  const ended = once(worker, 'exit');
  const out = new LatestEnd(a);
  const back = new LatestView(b);
  const result = await roundTrips(async (n) => {
    const seen = back.version();
    out.block[0] = n;
    out.publish();
    await back.waitAsync(seen, 10_000);
    if (!back.take() || back.block[0] !== n) throw new Error(`no answer to ${n}`);
  });
  await ended;
  return result;
}

async function ringTrips(): Promise<readonly [number, number]> {
  const [a, b] = [ring(SIZE, 4), ring(SIZE, 4)];
  const worker = start({ role: 'ring-echo', a, b, count: ROUNDS });
  const ended = once(worker, 'exit');
  const out = new RingEnd(a);
  const back = new RingView(b);
  const block = new Float64Array(SIZE);
  const result = await roundTrips(async (n) => {
    block[0] = n;
    out.write(block);
    await back.waitAsync(10_000);
    if (back.peek()?.block[0] !== n) throw new Error(`no answer to ${n}`);
    back.release();
  });
  await ended;
  return result;
}

async function messageTrips(): Promise<readonly [number, number]> {
  const a = ring(1, 2);
  const worker = start({ role: 'message-echo', a, b: a, count: ROUNDS });
  const block = new Float64Array(SIZE);
  const result = await roundTrips(async (n) => {
    block[0] = n;
    worker.postMessage(block);
    const [answer] = (await once(worker, 'message')) as [Float64Array];
    if (answer[0] !== n) throw new Error(`no answer to ${n}`);
  });
  await worker.terminate();
  return result;
}

export async function run(context: BenchContext): Promise<BenchResult> {
  return await compare(context, {
    bench: 'channel',
    cases: [
      { name: 'Ring throughput', unit: 'records/s', better: 'higher', limit: { ratio: 1 } },
      { name: 'Ring round trip p50', unit: 'µs', better: 'lower', limit: { ratio: 1.2 } },
      { name: 'Ring round trip p99', unit: 'µs', better: 'lower' },
      { name: 'Latest round trip p50', unit: 'µs', better: 'lower', limit: { ratio: 1.2 } },
      { name: 'Latest round trip p99', unit: 'µs', better: 'lower' },
    ],
    ours: async (): Promise<Measured> => {
      const throughput = await ringThroughput();
      const rings = await ringTrips();
      const latests = await latestTrips();
      return {
        'Ring throughput': throughput,
        'Ring round trip p50': rings[0],
        'Ring round trip p99': rings[1],
        'Latest round trip p50': latests[0],
        'Latest round trip p99': latests[1],
      };
    },
    peer: {
      name: 'postMessage of the same block',
      run: async (): Promise<Measured> => {
        const throughput = await messageThroughput();
        const trips = await messageTrips();
        return {
          'Ring throughput': throughput,
          'Ring round trip p50': trips[0],
          'Ring round trip p99': trips[1],
          'Latest round trip p50': trips[0],
          'Latest round trip p99': trips[1],
        };
      },
    },
  });
}
