/**
 * Run by controllers.test.ts in a process of its own: prints bytes allocated per step for each scenario. With the
 * argument `leak` it allocates one small object per step as well, which the test must notice.
 */
import { getHeapStatistics } from 'node:v8';
import { Bench, HOME } from '../support/bench-arm.ts';
import { SCENARIOS } from './scenarios.ts';

const leak = process.argv[2] === 'leak';
let kept: { i: number } | null = null;
const STEPS = 10_000;
/** Compilation goes on for a while and leaves its own traces on the heap: the least of some windows is what steps cost. */
const WINDOWS = 6;
const result: Record<string, number> = {};
for (const [n, s] of SCENARIOS.entries()) {
  const bench = new Bench(s.id);
  const args = new Float64Array(512);
  args.set(s.args);
  const { controller, block } = bench;
  const out = bench.view('out.q');
  const wanted = bench.view('out.requested.q');
  const measure = (steps: number): number => {
    bench.reset(s.args);
    const before = getHeapStatistics().used_heap_size;
    for (let i = 0; i < steps; i++) {
      if (i % 500 === 0) {
        out.set(HOME);
        controller.reset(block, args, s.args.length);
      }
      controller.step(block);
      out.set(wanted);
      if (leak) kept = { i };
    }
    return getHeapStatistics().used_heap_size - before;
  };
  // Inputs that stay: a busy tick, set outside the measurement.
  s.inputs(bench, 100);
  measure(STEPS);
  let least = Number.POSITIVE_INFINITY;
  for (let w = 0; w < WINDOWS; w++) {
    global.gc!();
    least = Math.min(least, measure(STEPS) / STEPS);
  }
  result[`${n} ${controller.name}`] = least;
}
process.stdout.write(JSON.stringify({ result, kept: kept !== null }));
