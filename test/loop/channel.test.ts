// @limit 300
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { LatestEnd, LatestView, latest, RingEnd, RingView, ring } from '../../src/loop/channel.ts';
import { check, fill, type Job } from './channel-worker.ts';

function start(job: Job): { worker: Worker; result: Promise<unknown>; finished: () => boolean } {
  const worker = new Worker(new URL('./channel-worker.js', import.meta.url), { workerData: job });
  let done = false;
  const result = once(worker, 'message').then(([value]) => {
    done = true;
    return value as unknown;
  });
  return { worker, result, finished: () => done };
}

/** Lets worker messages in between bursts of polling. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('Latest across threads: never a mixture, never backwards, always ends with the newest', async () => {
  const a = latest(24, 16);
  const enough = latest(1);
  const view = new LatestView(a);
  // The writer goes on until both sides have seen a lot: on a busy machine the threads take turns for long stretches.
  const other = start({ role: 'latest-write', a, b: enough, count: 2_000_000 });
  let last = 0;
  let taken = 0;
  const look = (): void => {
    if (!view.take()) return;
    taken++;
    const n = check(view.block);
    assert.ok(n > last, `record ${n} after ${last}`);
    assert.ok(
      view.bytes.every((b) => b === (n & 255)),
      `payload of ${n}`,
    );
    // It must stay unchanged while we hold it, however far the writer has run on.
    assert.equal(check(view.block), n);
    last = n;
  };
  while (!other.finished()) {
    for (let i = 0; i < 100_000; i++) look();
    if (taken > 10_000) new LatestEnd(enough).publish();
    await breathe();
  }
  look();
  const count = await other.result;
  assert.equal(last, count, 'the newest is there at the end');
  assert.equal(view.take(), false);
  assert.equal(view.version(), count);
});

test('the check itself can fail: a single shared block does tear', async () => {
  const a = latest(24);
  const block = new Float64Array(a.shared, 192, a.size);
  const other = start({ role: 'broken-write', a, count: 3_000_000 });
  let torn = 0;
  while (!other.finished()) {
    for (let i = 0; i < 100_000; i++) if (check(block) < 0) torn++;
    await breathe();
  }
  assert.ok(torn > 0);
});

for (const [name, from] of [
  ['from zero', 0],
  ['over 2^31 - 1', 2 ** 31 - 1000],
  ['over -1', -1000],
] as const) {
  test(`Ring across threads, counters ${name}: every record once, in order`, async () => {
    const count = 1_500_000;
    const a = ring(12, 64, 8, from | 0);
    const view = new RingView(a);
    const other = start({ role: 'ring-write', a, count });
    let want = 1;
    while (want <= count) {
      for (let i = 0; i < 100_000; i++) {
        const slot = view.peek();
        if (slot === null) continue;
        assert.equal(check(slot.block), want);
        assert.equal(slot.bytes[3], want & 255);
        const ahead = view.peekAt(5);
        if (ahead !== null) assert.equal(check(ahead.block), want + 5);
        view.release();
        want++;
      }
      await breathe();
    }
    await other.result;
    assert.equal(view.length, 0);
    assert.equal(view.overflow, 0);
  });
}

test('a flooded Ring refuses, counts, and keeps the order of what it took', async () => {
  const count = 400_000;
  const a = ring(12, 8, 0, 2 ** 31 - 7);
  const view = new RingView(a);
  const other = start({ role: 'ring-flood', a, count });
  let last = 0;
  let seen = 0;
  for (;;) {
    const over = other.finished();
    for (let slot = view.peek(); slot !== null; slot = view.peek()) {
      const n = check(slot.block);
      assert.ok(n > last);
      last = n;
      seen++;
      view.release();
    }
    if (over && view.length === 0) break;
    await breathe();
  }
  const refused = (await other.result) as number;
  assert.equal(view.overflow, refused);
  assert.equal(seen + refused, count);
  assert.ok(refused > 0);
});

test('wake-ups are not lost: ping-pong through Latest (wait there, waitAsync here)', async () => {
  const rounds = 4000;
  const [a, b] = [latest(6), latest(6)];
  const other = start({ role: 'echo-latest', a, b, count: rounds });
  const out = new LatestEnd(a);
  const back = new LatestView(b);
  for (let n = 1; n <= rounds; n++) {
    const seen = back.version();
    fill(out.block, n);
    out.publish();
    assert.ok(await back.waitAsync(seen, 10_000), `no answer to ${n}`);
    assert.ok(back.take());
    assert.equal(check(back.block), n);
  }
  assert.equal(await other.result, 0);
});

test('wake-ups are not lost: ping-pong through Ring', async () => {
  const rounds = 4000;
  const [a, b] = [ring(6, 4, 0, -3), ring(6, 4, 0, 2 ** 31 - 3)];
  const other = start({ role: 'echo-ring', a, b, count: rounds });
  const out = new RingEnd(a);
  const back = new RingView(b);
  const block = new Float64Array(6);
  for (let n = 1; n <= rounds; n++) {
    fill(block, n);
    out.write(block);
    assert.ok(await back.waitAsync(10_000), `no answer to ${n}`);
    assert.equal(check(back.peek()!.block), n);
    back.release();
  }
  assert.equal(await other.result, 0);
});

test('waiting in vain ends with false', async () => {
  const alive = setInterval(() => undefined, 1000);
  const l = new LatestView(latest(2));
  assert.equal(l.wait(l.version(), 5), false);
  assert.equal(await l.waitAsync(l.version(), 5), false);
  const r = new RingView(ring(2, 2));
  assert.equal(r.wait(5), false);
  assert.equal(await r.waitAsync(5), false);
  clearInterval(alive);
});

test('ends opened again go on where the ones before left off', () => {
  const buffer = latest(3);
  for (let n = 1; n <= 9; n++) {
    // Reading only every third time lets the three slots take every order.
    const end = new LatestEnd(buffer);
    fill(end.block, n);
    end.publish();
    if (n % 3 === 1) continue;
    const view = new LatestView(buffer);
    assert.ok(view.take());
    assert.equal(check(view.block), n);
  }
});

test('slots are rounded up to a power of two, exactly', () => {
  for (let bits = 1; bits <= 20; bits++) {
    assert.equal(ring(0, 2 ** bits).slots, 2 ** bits);
    if (bits > 1) assert.equal(ring(0, 2 ** bits - 1).slots, 2 ** bits);
  }
});

test('Ring and Latest against a plain model, any order of calls, counters at any start', () => {
  const action = fc.constantFrom('write', 'slot', 'release', 'publish', 'take');
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 120 }),
      fc.constantFrom(0, 2 ** 31 - 5, -5, 123),
      fc.integer({ min: 1, max: 9 }),
      (actions, from, slots) => {
        const buffer = ring(2, slots, 0, from);
        const [end, view] = [new RingEnd(buffer), new RingView(buffer)];
        const newest = latest(2);
        const [writer, reader] = [new LatestEnd(newest), new LatestView(newest)];
        const queue: number[] = [];
        let n = 0;
        let refused = 0;
        let published = -1;
        let fresh = false;
        for (const a of actions) {
          n++;
          if (a === 'write') {
            const ok = end.write(Float64Array.of(n, -n));
            assert.equal(ok, queue.length < buffer.slots);
            if (ok) queue.push(n);
            else refused++;
          } else if (a === 'slot') {
            const slot = end.slot();
            assert.equal(slot === null, queue.length >= buffer.slots);
            if (slot !== null) {
              slot.block[0] = n;
              end.commit();
              queue.push(n);
            }
          } else if (a === 'release') {
            assert.equal(view.peek()?.block[0], queue[0]);
            if (queue.length > 0) {
              view.release();
              queue.shift();
            }
          } else if (a === 'publish') {
            writer.block[0] = n;
            writer.publish();
            published = n;
            fresh = true;
          } else {
            assert.equal(reader.take(), fresh);
            fresh = false;
            if (published > 0) assert.equal(reader.block[0], published);
          }
          assert.equal(view.length, queue.length);
          assert.equal(end.overflow, refused);
          for (let i = 0; i <= queue.length; i++) assert.equal(view.peekAt(i)?.block[0], queue[i]);
        }
      },
    ),
    { numRuns: 300, seed: 7 },
  );
});
