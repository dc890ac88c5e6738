/** The servos of one line: which of them a packet is for, what each answers, and when. */

import type { Rng } from '../../../src/math/rng.ts';
import type { Line } from '../../bus/emulator/line.ts';
import { byId, type EmulatedServoSetup as MountedServo, ServoLine } from '../../bus/emulator/servo-line.ts';
import { BROADCAST } from '../../bus/table-writer.ts';
import { PacketDecoder } from '../decoder.ts';
import { modelNamed, type ServoModel } from '../models.ts';
import { Instruction, PacketWriter } from '../packet.ts';
import { BAUDS, type ItemName } from '../table.ts';
import { EmulatedServo } from './servo.ts';

export interface EmulatedServoSetup extends MountedServo {
  readonly settings?: Readonly<Partial<Record<ItemName, number>>>;
}

export interface FeetechBusSetup {
  readonly servos: readonly EmulatedServoSetup[];
}

/** A packet whose next byte does not come for this long (s) is given up. */
const GAP_S = 0.001;

export class FeetechEmulator extends ServoLine<EmulatedServo, ServoModel> {
  /** Firmware that knows sync-read. */
  #together = true;
  readonly #decoder = new PacketDecoder();
  readonly #writer = new PacketWriter();
  #heardUntil = 0;

  constructor({ servos }: FeetechBusSetup, line: Line, rng: Rng) {
    super(line, rng, { bauds: BAUDS, modelNamed, Servo: EmulatedServo }, servos);
  }

  receive(bytes: Uint8Array, start: number, byte: number): void {
    if (start - this.#heardUntil > GAP_S) this.#decoder.reset();
    this.#heardUntil = start + bytes.length * byte;
    for (let at = 0; at < bytes.length || this.#decoder.complete; ) {
      at = this.#decoder.feed(bytes, at, bytes.length);
      if (this.#decoder.complete) this.#instruction(start + at * byte);
    }
  }

  protected override also(what: string, value: unknown): unknown {
    if (what === 'together') this.#together = value === true;
    else if (what === 'goalEnables') for (const servo of this.servos) servo.goalEnables = value === true;
    else return undefined;
    return null;
  }

  #instruction(end: number): void {
    const { id, count } = this.#decoder;
    const instruction = this.#decoder.body[0]!;
    const params = this.#decoder.body.slice(1, count);
    const all = this.listeners;
    for (const servo of all) servo.advance(this.physics(end));
    const meant = id === BROADCAST ? all : all.filter((s) => s.id === id);
    if (instruction === Instruction.ping) this.#ping(meant, end, id === BROADCAST);
    else if (instruction === Instruction.syncRead) this.#syncRead(params, end, all);
    else if (instruction === Instruction.syncWrite) syncWrite(params, all);
    else this.#single(instruction, params, meant, end, id !== BROADCAST);
  }

  #ping(servos: readonly EmulatedServo[], end: number, everybody: boolean): void {
    let ready = end;
    for (const [, same] of byId(servos)) {
      if (everybody && !same[0]!.model.series.together) continue;
      ready = this.say(
        same.map((s) => this.#status(s.id, s, [])),
        ready,
        same[0]!,
      );
    }
  }

  /** Each answers after the one before it in the list; after one that stays silent nobody does. */
  #syncRead([address, length, ...ids]: Uint8Array, end: number, all: readonly EmulatedServo[]): void {
    if (!this.#together || address === undefined || length === undefined) return;
    let ready = end;
    for (const id of ids) {
      const same = all.filter((s) => s.id === id && s.model.series.together);
      const answers: Uint8Array[] = [];
      for (const s of same) {
        const data = s.read(address, length);
        if (data !== null) answers.push(this.#status(id, s, data));
      }
      if (answers.length === 0) return;
      ready = this.say(answers, ready, same[0]!);
    }
  }

  #single(
    instruction: number,
    params: Uint8Array,
    servos: readonly EmulatedServo[],
    end: number,
    answered: boolean,
  ): void {
    const answers: Uint8Array[] = [];
    for (const servo of servos) {
      const id = servo.id;
      const level = servo.get('responseLevel');
      const data = carryOut(servo, instruction, params);
      const wanted = instruction === Instruction.read || level >= 1;
      if (answered && wanted && data !== null) answers.push(this.#status(id, servo, data));
    }
    if (answers.length > 0) this.say(answers, end, servos[0]!);
    this.tune();
  }

  #status(id: number, servo: EmulatedServo, data: ArrayLike<number>): Uint8Array {
    return Uint8Array.from(this.#writer.clear().status(id, servo.status, data).bytes);
  }
}

function syncWrite(params: Uint8Array, all: readonly EmulatedServo[]): void {
  const [address, length] = [params[0]!, params[1]!];
  for (let at = 2; at + 1 + length <= params.length; at += 1 + length) {
    for (const servo of all)
      if (servo.id === params[at]) servo.write(address, params.subarray(at + 1, at + 1 + length));
  }
}

/** Data of the answer; null where a servo says nothing. */
function carryOut(servo: EmulatedServo, instruction: number, params: Uint8Array): Uint8Array | null {
  const none = new Uint8Array();
  switch (instruction) {
    case Instruction.read:
      return params.length === 2 ? servo.read(params[0]!, params[1]!) : null;
    case Instruction.write:
      servo.write(params[0] ?? 0, params.subarray(1));
      return none;
    case Instruction.regWrite:
      servo.register(params[0] ?? 0, params.subarray(1));
      return none;
    case Instruction.action:
      servo.action();
      return none;
    case Instruction.factoryReset:
      servo.factoryReset();
      return none;
    case Instruction.resetTurns:
      servo.resetTurns();
      return none;
    case Instruction.calibrate: {
      const { order } = servo.model.series;
      const [a, b] = [params[0]!, params[1]!];
      servo.calibrate(params.length < 2 ? null : order === 'little' ? a + 256 * b : 256 * a + b);
      return none;
    }
    case Instruction.reboot:
      servo.reboot();
      return null;
    default:
      return null;
  }
}
