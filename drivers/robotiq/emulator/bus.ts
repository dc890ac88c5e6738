/** The slave's end of the Modbus line: frames by their length and checksum, silence between them, one answer each. */
import type { Line } from '../../bus/emulator/line.ts';
import { monotonic } from '../../bus/emulator/line.ts';
import type { EmulatedBus } from '../../bus/emulator/process.ts';
import { sealed } from '../crc.ts';
import { FunctionCode, frame, GAP_S, SHORT_FRAME, WRITE_OVERHEAD } from '../modbus.ts';
import { DATA_BYTES, INPUT_ADDRESS, OUTPUT_ADDRESS, REGISTERS } from '../registers.ts';
import { EmulatedGripper, type EmulatedGripperSetup } from './gripper.ts';

/** Time between the end of a request and its answer, s. */
const THINKS_S = 0.001;
const LONGEST = 256;

export class RobotiqEmulator implements EmulatedBus {
  readonly #gripper: EmulatedGripper;
  readonly #line: Line;
  readonly #frame: number[] = [];
  #end = 0;
  /** Physics times are `monotonic` less the time for which this process stood still. */
  #lag = 0;
  /** It hears nothing and says nothing: a broken cable. */
  #silent = false;

  constructor(setup: EmulatedGripperSetup, line: Line) {
    this.#line = line;
    this.#gripper = new EmulatedGripper(setup, monotonic());
  }

  receive(bytes: Uint8Array, start: number, byte: number): void {
    // A pty hands on what a real line would have carried without a gap in one piece or several.
    if (start > this.#end + 4 * GAP_S) this.#frame.length = 0;
    for (let i = 0; i < bytes.length; i++) {
      this.#frame.push(bytes[i]!);
      if (this.#frame.length > LONGEST) this.#frame.shift();
      this.#look(start + (i + 1) * byte);
    }
    this.#end = start + bytes.length * byte;
  }

  advance(time: number, lag: number): void {
    this.#lag = lag;
    this.#gripper.advance(time);
  }

  sample(out: number[]): void {
    out.push(this.#gripper.jaw.opening, this.#gripper.jaw.speed);
  }

  control({ what, value }: Readonly<Record<string, unknown>>): unknown {
    const gripper = this.#gripper;
    if (what === 'state') return gripper.state();
    if (what === 'silent') this.#silent = value === true;
    else if (what === 'object') gripper.jaw.object = Number(value);
    else if (what === 'ring') gripper.jaw.ring = Number(value);
    else if (what === 'blocked') gripper.jaw.blocked = value === true;
    else if (what === 'temperature') gripper.jaw.temperature = Number(value);
    else if (what === 'voltage') gripper.voltage = Number(value);
    else if (what === 'restart') gripper.restart();
    else if (what === 'overload') gripper.overload();
    else throw new Error(`a gripper has no ${what}`);
    return null;
  }

  /** Whether the newest bytes are a request to this gripper. */
  #look(end: number): void {
    const frame = this.#frame;
    for (const length of [SHORT_FRAME, WRITE_OVERHEAD + DATA_BYTES]) {
      const from = frame.length - length;
      if (from < 0 || frame[from] !== this.#gripper.slave) continue;
      if (
        length === SHORT_FRAME
          ? frame[from + 1] === FunctionCode.writeMultiple
          : frame[from + 1] !== FunctionCode.writeMultiple
      )
        continue;
      const request = Uint8Array.from(frame.slice(from));
      if (!sealed(request, 0, length)) continue;
      frame.length = 0;
      if (this.#gripper.online && !this.#silent) this.#answer(request, end);
      return;
    }
  }

  #answer(request: Uint8Array, end: number): void {
    const gripper = this.#gripper;
    gripper.hear(end - this.#lag);
    const [slave, way] = request as unknown as [number, number];
    const address = (request[2]! << 8) | request[3]!;
    const count = (request[4]! << 8) | request[5]!;
    const ready = end + THINKS_S;
    if (way === FunctionCode.writeMultiple) {
      if (address !== OUTPUT_ADDRESS || count !== REGISTERS || request[6] !== DATA_BYTES) return;
      gripper.take(request.slice(7, 7 + DATA_BYTES));
      this.#line.answer(frame([...request.slice(0, 6)]), ready);
    } else if (way === FunctionCode.readHolding || way === FunctionCode.readInput) {
      if (address !== INPUT_ADDRESS || count < 1 || count > REGISTERS) return;
      const data = gripper.read().slice(0, 2 * count);
      this.#line.answer(frame([slave, way, data.length, ...data]), ready);
    }
    // It answers nothing else, not even with an exception.
  }
}
