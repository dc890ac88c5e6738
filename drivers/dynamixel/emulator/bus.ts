/** The servos of one line: which of them a packet is for, what each answers, and when. */
import type { Rng } from '../../../src/math/rng.ts';
import type { ServoLoad } from '../../bus/emulator/arm.ts';
import { type HandMove, moveByHand } from '../../bus/emulator/hand.ts';
import type { Line } from '../../bus/emulator/line.ts';
import { monotonic } from '../../bus/emulator/line.ts';
import type { EmulatedBus } from '../../bus/emulator/process.ts';
import { byId, change, overlaid } from '../../bus/emulator/servos.ts';
import { crc16 } from '../crc.ts';
import { PacketDecoder } from '../decoder.ts';
import { modelNamed } from '../models.ts';
import { ALERT, BROADCAST, Instruction, PacketWriter } from '../packet.ts';
import { BAUDS, numberAt, RETURN_DELAY_UNIT, X } from '../table.ts';
import { EmulatedServo, Refusal } from './servo.ts';

export interface EmulatedServoSetup {
  readonly id: number;
  readonly model: string;
  /** rad at the horn from step 2048, at the start. */
  readonly angle: number;
  readonly load: ServoLoad;
  /** Settings of the EEPROM that differ from the factory's, by name in the table. */
  readonly settings?: Readonly<Record<string, number>>;
}

export interface DynamixelBusSetup {
  readonly servos: readonly EmulatedServoSetup[];
}

export class DynamixelEmulator implements EmulatedBus {
  /** Chance that an answer has a wrong checksum. */
  #badSum = 0;
  /** Firmware that knows Fast Sync Read and Fast Bulk Read. */
  #fast = true;
  readonly #servos: EmulatedServo[];
  readonly #line: Line;
  readonly #rng: Rng;
  readonly #decoder = new PacketDecoder();
  readonly #writer = new PacketWriter(2048);
  /** The line goes at a rate that servos can have; at others everybody understands. */
  readonly #rated: boolean;
  /** Physics times are `monotonic` less the time for which this process stood still. */
  #lag = 0;

  constructor({ servos }: DynamixelBusSetup, line: Line, rng: Rng) {
    this.#line = line;
    this.#rng = rng;
    const now = monotonic();
    const rate = BAUDS.indexOf(line.baud as (typeof BAUDS)[number]);
    this.#rated = rate >= 0;
    this.#servos = servos.map(({ id, model: name, angle, load, settings }) => {
      const model = modelNamed(name);
      if (model === undefined) throw new Error(`there is no model ${name}`);
      const { voltage, stallTorque, stallCurrent, noLoadSpeed } = model;
      const motor = { voltage, stallTorque, stallCurrent, noLoadSpeed, ...load };
      const servo = new EmulatedServo(model, id, motor, angle, now);
      if (rate >= 0) servo.set(X.baud, rate);
      for (const [key, value] of Object.entries(settings ?? {})) servo.set(X[key as keyof typeof X], value);
      return servo;
    });
    this.#tune();
  }

  receive(bytes: Uint8Array, start: number, byte: number): void {
    for (let at = 0; at < bytes.length; ) {
      at = this.#decoder.feed(bytes, at, bytes.length);
      if (this.#decoder.complete) this.#instruction(start + at * byte);
    }
  }

  advance(time: number, lag: number): void {
    this.#lag = lag;
    for (const servo of this.#servos) servo.advance(time);
  }

  sample(out: number[]): void {
    for (const { motor } of this.#servos) out.push(motor.angle, motor.speed);
  }

  control({ what, id, ...values }: Readonly<Record<string, unknown>>): unknown {
    if (what === 'hand') return moveByHand(this.#servos, values['moves'] as readonly HandMove[]);
    if (what === 'states') return this.#servos.map((s) => s.state());
    if (what === 'fast') {
      this.#fast = values['value'] === true;
      return null;
    }
    if (what === 'connect') {
      this.#connect(values['only']);
      return null;
    }
    if (what === 'badSum') {
      this.#badSum = Number(values['chance']);
      return null;
    }
    const servos = id === undefined ? this.#servos : this.#servos.filter((s) => s.id === id);
    if (servos.length === 0) throw new Error(`there is no servo ${id}`);
    for (const servo of servos) {
      if (what === 'set') {
        const { name, to } = values['value'] as { name: keyof typeof X; to: number };
        servo.set(X[name], to);
      } else change(servo, String(what), values['value']);
    }
    return null;
  }

  /** Puts one servo (by its place) on the line, with the id and rate of the factory, or all as they are now. */
  #connect(only: unknown): void {
    this.#line.senseBaud = only !== null;
    this.#servos.forEach((servo, i) => {
      servo.connected = only === null || i === only;
    });
    if (only !== null) this.#servos[Number(only)]?.factoryReset('all');
    this.#tune();
  }

  /** The line goes at the rate of those that are on it; a servo at another rate than the first is deaf. */
  #tune(): void {
    const there = this.#servos.filter((s) => s.connected);
    const baud = there.length === 0 ? undefined : BAUDS[there[0]!.get(X.baud)];
    if (baud !== undefined && this.#rated) this.#line.baud = baud;
  }

  #hears(servo: EmulatedServo): boolean {
    return !this.#rated || BAUDS[servo.get(X.baud)] === this.#line.baud;
  }

  #instruction(end: number): void {
    const { id, instruction } = this.#decoder;
    if (instruction === Instruction.status) return;
    const time = end - this.#lag;
    const all = this.#servos.filter((s) => s.online && this.#hears(s));
    for (const servo of all) servo.hear(time);
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
      ready = this.#say(answers, ready, same[0]!);
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
      ready = this.#say(answers, ready, same[0]!);
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
    if (first !== null) this.#say([Uint8Array.from(bytes)], end, first);
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
    if (answers.length > 0) this.#say(answers, end, servos[0]!);
    this.#tune();
  }

  #say(answers: readonly Uint8Array[], end: number, servo: EmulatedServo): number {
    const bytes = overlaid(answers);
    if (this.#badSum > 0 && this.#rng.uniform() < this.#badSum) bytes[bytes.length - 1]! ^= 0x5a;
    return this.#line.answer(bytes, end + servo.get(X.returnDelay) * RETURN_DELAY_UNIT);
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
