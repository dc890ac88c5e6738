import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Answer, persist } from '../../../drivers/bus/ask.ts';
import type { Outcome } from '../../../drivers/bus/half-duplex.ts';

/** How a request ends whose tries end like this, and after how many. */
async function ends(...tries: Outcome[]): Promise<readonly [Outcome, number]> {
  let asked = 0;
  const { outcome } = await persist(
    async (): Promise<Answer> => ({ outcome: tries[asked++]!, replies: [], heard: 0 }),
  );
  return [outcome, asked];
}

it('a request is repeated until it is answered or the port is gone', async () => {
  assert.deepEqual(await ends('answered'), ['answered', 1]);
  assert.deepEqual(await ends('silent', 'garbled', 'answered'), ['answered', 3]);
  assert.deepEqual(await ends('silent', 'lost'), ['lost', 2]);
});

it('one that fails ends as most of its tries did, whichever came last', async () => {
  assert.deepEqual(await ends('garbled', 'garbled', 'garbled', 'garbled', 'silent'), ['garbled', 5]);
  assert.deepEqual(await ends('silent', 'silent', 'silent', 'silent', 'garbled'), ['silent', 5]);
});
