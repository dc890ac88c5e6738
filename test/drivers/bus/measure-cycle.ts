/** What a cycle of an arm on a bus allocates, between a wire that answers at once and the reading. Needs --expose-gc. */
import type { Cycle } from '../../../drivers/bus/arm/bus-chain.ts';
import type { Reading } from '../../../drivers/bus/arm/chain.ts';
import type { Wire } from '../../../drivers/bus/wire.ts';
import { bytesPerRound } from '../../support/garbage.ts';

/**
 * Runs cycles of `n` servos with every goal at `step` and prints bytes per cycle, cycles that were read, and the last
 * position. The word `litter` on the command line adds an object to each.
 */
export async function measureCycle(
  n: number,
  step: number,
  reply: Uint8Array,
  make: (wire: Wire, reading: Reading) => { readonly bus: { close(): Promise<void> }; readonly cycle: Cycle },
): Promise<void> {
  const wire: Wire = {
    port: 'none',
    baud: 1_000_000,
    notes: [],
    latencyS: 0,
    onBytes: null,
    onLost: null,
    write: () => {},
    setBaud: async () => {},
    close: async () => {},
  };
  const reading = {
    time: 0,
    position: new Float64Array(n),
    speed: new Float64Array(n),
    torque: new Float64Array(n),
    goal: new Float64Array(n),
    powered: new Uint8Array(n),
    faults: new Uint8Array(n),
  };
  const { bus, cycle } = make(wire, reading);
  const goals = new Int32Array(n).fill(step);
  let read = 0;
  const done = (outcome: string): void => {
    if (outcome === 'read') read++;
  };
  const litter: object[] = [];
  const body = (): void => {
    cycle.run(goals, done);
    wire.onBytes!(reply, 1);
    if (process.argv[2] === 'litter') litter[0] = { read };
  };
  const bytes = bytesPerRound(body, 5000, 5000, 10);
  await bus.close();
  console.log(JSON.stringify({ bytes, read, position: reading.position[n - 1] }));
}
