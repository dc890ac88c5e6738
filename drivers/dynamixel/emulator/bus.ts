/** The servos of one line: which of them a packet is for, what each answers, and when. */

import type { Rng } from '../../../src/math/rng.ts';
import type { Line } from '../../bus/emulator/line.ts';
import { byId, type EmulatedServoSetup, ServoLine } from '../../bus/emulator/servo-line.ts';
import { BROADCAST } from '../../bus/table-writer.ts';
import { crc16 } from '../crc.ts';
import { PacketDecoder } from '../decoder.ts';
import { modelNamed, type ServoModel } from '../models.ts';
import { ALERT, Instruction, PacketWriter } from '../packet.ts';
import { BAUDS, numberAt, X } from '../table.ts';
import { EmulatedServo, Refusal } from './servo.ts';

export interface DynamixelBusSetup {
  readonly servos: readonly EmulatedServoSetup[];
}

export class DynamixelEmulator extends ServoLine<EmulatedServo, ServoModel> {
  /** Firmware that knows Fast Sync Read and Fast Bulk Read. */
  #fast = true;
  readonly #decoder = new PacketDecoder();
  readonly #writer = new PacketWriter(2048);

  constructor({ servos }: DynamixelBusSetup, line: Line, rng: Rng) {
    super(line, rng, { bauds: BAUDS, modelNamed, Servo: EmulatedServo }, servos);
  }

  receive(bytes: Uint8Array, start: number, byte: number): void {
    for (let at = 0; at < bytes.length; ) {
      at = this.#decoder.feed(bytes, at, bytes.length);
      if (this.#decoder.complete) this.#instruction(start + at * byte);
    }
  }

  protected override also(what: string, value: unknown): unknown {
    if (what === 'get') {
      const { id, name } = value as { readonly id: number; readonly name: keyof typeof X };
      return this.servos.find((s) => s.id === id)?.get(X[name]);
    }
    if (what !== 'fast') return undefined;
    this.#fast = value === true;
    return null;
  }

  #instruction(end: number): void {
    const { id, instruction } = this.#decoder;
    if (instruction === Instruction.status) return;
    const all = this.listeners;
    for (const servo of all) servo.hear(this.physics(end));
    const body = this.#decoder.body.slice(0, this.#decoder.count);
    const meant = id === BROADCAST ? all : all.filter((s) => s.id === id);
    switch (instruction) {
      case Instruction.ping:
        this.#ping(meant, end);
        return;
      case Instruction.syncRead:
        this.#syncRead(body, end, all);
        return;
      case Instruction.fastSyncRead:
        if (this.#fast) this.#fastRead(syncParts(body), end, all);
        return;
      case Instruction.bulkRead:
        this.#bulkRead(bulkParts(body), end, all);
        return;
      case Instruction.fastBulkRead:
        if (this.#fast) this.#fastRead(bulkParts(body), end, all);
        return;
      case Instruction.syncWrite:
        syncWrite(body, all);
        return;
      case Instruction.bulkWrite:
        bulkWrite(body, all);
        return;
      default:
        this.#single(instruction, body, meant, end, id !== BROADCAST);
    }
  }

  #ping(servos: readonly EmulatedServo[], end: number): void {
    let ready = end;
    for (const [id, same] of byId(servos)) {
      const answers = same.map((s) =>
        status(
          this.#writer,
          id,
          s,
          0,
          s.read(X.modelNumber.address, 7)!.filter((_, i) => i < 2 || i === 6),
        ),
      );
      ready = this.say(answers, ready, same[0]!);
    }
  }

  #syncRead(body: Uint8Array, end: number, all: readonly EmulatedServo[]): void {
    this.#bulkRead(syncParts(body), end, all);
  }

  /** Each answers after the one before it in the list; after one that stays silent nobody does. */
  #bulkRead(parts: readonly Part[], end: number, all: readonly EmulatedServo[]): void {
    let ready = end;
    for (const { id, address, length } of parts) {
      const same = all.filter((s) => s.id === id);
      if (same.length === 0) return;
      const answers = same.map((s) => {
        const data = s.read(address, length);
        return data === null
          ? status(this.#writer, id, s, Refusal.access, [])
          : status(this.#writer, id, s, 0, data);
      });
      ready = this.say(answers, ready, same[0]!);
    }
  }

  /** One packet to which every one adds its part and the checksum so far; without stuffing. */
  #fastRead(parts: readonly Part[], end: number, all: readonly EmulatedServo[]): void {
    const total = parts.reduce((sum, p) => sum + p.length + 4, 1);
    const bytes: number[] = [0xff, 0xff, 0xfd, 0x00, BROADCAST, total & 0xff, total >> 8, Instruction.status];
    let first: EmulatedServo | null = null;
    for (const { id, address, length } of parts) {
      const servo = all.find((s) => s.id === id);
      const data = servo?.read(address, length) ?? null;
      if (servo === undefined || data === null) break;
      first ??= servo;
      bytes.push(servo.alert ? ALERT : 0, id, ...data);
      const crc = crc16(Uint8Array.from(bytes), 0, bytes.length);
      bytes.push(crc & 0xff, crc >> 8);
    }
    if (first !== null) this.say([Uint8Array.from(bytes)], end, first);
  }

  #single(
    instruction: number,
    body: Uint8Array,
    servos: readonly EmulatedServo[],
    end: number,
    answered: boolean,
  ): void {
    const answers: Uint8Array[] = [];
    for (const servo of servos) {
      const id = servo.id;
      const level = servo.get(X.statusReturnLevel);
      const { refusal, data } = carryOut(servo, instruction, body);
      const wanted = instruction === Instruction.read ? level >= 1 : level >= 2;
      if (answered && wanted) answers.push(status(this.#writer, id, servo, refusal, data));
    }
    if (answers.length > 0) this.say(answers, end, servos[0]!);
    this.tune();
  }
}

interface Part {
  readonly id: number;
  readonly address: number;
  readonly length: number;
}

function syncParts(body: Uint8Array): Part[] {
  const address = numberAt(body, 0, 2, false);
  const length = numberAt(body, 2, 2, false);
  return [...body.subarray(4)].map((id) => ({ id, address, length }));
}

function bulkParts(body: Uint8Array): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at + 5 <= body.length; at += 5) {
    parts.push({
      id: body[at]!,
      address: numberAt(body, at + 1, 2, false),
      length: numberAt(body, at + 3, 2, false),
    });
  }
  return parts;
}

function syncWrite(body: Uint8Array, all: readonly EmulatedServo[]): void {
  const address = numberAt(body, 0, 2, false);
  const length = numberAt(body, 2, 2, false);
  for (let at = 4; at + 1 + length <= body.length; at += 1 + length) {
    for (const servo of all)
      if (servo.id === body[at]) servo.write(address, body.subarray(at + 1, at + 1 + length));
  }
}

function bulkWrite(body: Uint8Array, all: readonly EmulatedServo[]): void {
  for (let at = 0; at + 5 <= body.length; ) {
    const address = numberAt(body, at + 1, 2, false);
    const length = numberAt(body, at + 3, 2, false);
    const bytes = body.subarray(at + 5, at + 5 + length);
    for (const servo of all) if (servo.id === body[at]) servo.write(address, bytes);
    at += 5 + length;
  }
}

function carryOut(
  servo: EmulatedServo,
  instruction: number,
  body: Uint8Array,
): { readonly refusal: number; readonly data: Uint8Array } {
  const none = new Uint8Array();
  const address = body.length >= 2 ? numberAt(body, 0, 2, false) : 0;
  const done = (refusal: number): { refusal: number; data: Uint8Array } => ({ refusal, data: none });
  switch (instruction) {
    case Instruction.read: {
      const data = body.length === 4 ? servo.read(address, numberAt(body, 2, 2, false)) : null;
      return data === null ? done(Refusal.access) : { refusal: 0, data };
    }
    case Instruction.write:
      return done(servo.write(address, body.subarray(2)));
    case Instruction.regWrite:
      return done(servo.register(address, body.subarray(2)));
    case Instruction.action:
      return done(servo.action());
    case Instruction.reboot:
      servo.reboot();
      return done(0);
    case Instruction.clear:
      return done(servo.clearTurns());
    case Instruction.factoryReset:
      servo.factoryReset(body[0] === 0xff ? 'all' : body[0] === 0x01 ? 'keep-id' : 'keep-id-and-baud');
      return done(0);
    default:
      return done(2);
  }
}

function status(
  writer: PacketWriter,
  id: number,
  servo: EmulatedServo,
  error: number,
  data: ArrayLike<number>,
): Uint8Array {
  return Uint8Array.from(writer.clear().status(id, error | (servo.alert ? ALERT : 0), data).bytes);
}
