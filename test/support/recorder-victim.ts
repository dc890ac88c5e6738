/** A process that records at 1 kHz until it is killed: `node recorder-victim.js WORKSPACE`. Prints its newest tick and how many were taken. */
import { pandaSpec } from './episode.ts';
import { openRecorder, Rings } from './recorder-rig.ts';

const rings = new Rings(pandaSpec());
const recorder = await openRecorder(rings, process.argv[2]!);
await recorder.start({ id: 'victim', task: '', operator: '', seed: 0, physics: [], notes: {} }, () =>
  rings.snapshot(),
);
let taken = 0;
recorder.onProgress = (progress) => {
  taken = progress.ticks;
};
const start = performance.now();
for (;;) {
  const due = Math.floor(performance.now() - start);
  if (due > rings.next) {
    rings.run(due - rings.next);
    process.stdout.write(`${rings.next} ${taken}\n`);
  }
  await new Promise((resolve) => setTimeout(resolve, 10));
}
