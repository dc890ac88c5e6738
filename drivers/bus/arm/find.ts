/** Finds the servos of an arm on a bus and checks that they are the right ones. */
import { ArmloopError } from '../../../src/errors.ts';
import type { Outcome } from '../half-duplex.ts';
import type { Wire } from '../wire.ts';

/** How asking one id for its model went. */
export interface Identity {
  readonly model: number | null;
  readonly outcome: Outcome;
  /** Bytes that came, also those that were no answer. */
  readonly heard: number;
}

export interface Wanted {
  readonly id: number;
  readonly name: string;
  readonly model: { readonly name: string; readonly number: number };
}

export interface Finder {
  readonly device: string;
  readonly wire: Wire;
  identify(id: number): Promise<Identity>;
  /** Name of the model with that number, where it is known. */
  modelName(number: number): string | undefined;
}

/** Who answers, and how the others do not. Rejects with DEVICE_SILENT, DEVICE_SERVO_MISSING, DEVICE_BUS, DEVICE_SERVO_WRONG. */
export async function findServos(finder: Finder, joints: readonly Wanted[]): Promise<void> {
  const { device, wire } = finder;
  const there = new Map<number, number>();
  const missing: Wanted[] = [];
  let heard = 0;
  for (const joint of joints) {
    const answer = await finder.identify(joint.id);
    heard += answer.heard;
    if (answer.model !== null) there.set(joint.id, answer.model);
    else if (answer.outcome === 'garbled' && there.size > 0) throw clash(device, joint);
    else missing.push(joint);
    // A bus on which nobody answers need not be asked for every id.
    if (there.size === 0 && missing.length === 3) break;
  }
  if (there.size === 0) {
    const words =
      heard === 0
        ? 'not a byte came'
        : `${heard} bytes came that are no answer: the wrong baud rate, or noise`;
    throw new ArmloopError('DEVICE_SILENT', { device, port: wire.port, baud: wire.baud, heard: words });
  }
  if (missing.length > 0) {
    const names = missing.map((j) => j.name).join(', ');
    throw new ArmloopError('DEVICE_SERVO_MISSING', {
      device,
      missing: `${names} ${missing.length === 1 ? 'does' : 'do'} not answer`,
      port: wire.port,
      found: [...there.keys()].join(', '),
    });
  }
  for (const { id, name, model } of joints) {
    const number = there.get(id)!;
    if (number === model.number) continue;
    const is = finder.modelName(number) ?? `a model with the number ${number}`;
    throw new ArmloopError('DEVICE_SERVO_WRONG', {
      device,
      servo: name,
      problem: `is ${is}, not ${model.name}`,
    });
  }
}

function clash(device: string, { name }: Wanted): ArmloopError {
  const problem = 'answers, but what arrives is damaged each time: most likely two servos have this id';
  return new ArmloopError('DEVICE_BUS', { device, servo: name, problem });
}
