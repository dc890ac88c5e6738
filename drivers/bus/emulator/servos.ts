/** What emulated servos of one line have in common: who shares an id, what happens when they speak at once. */
import type { Motor } from './motor.ts';

export interface LineServo {
  readonly id: number;
  readonly motor: Motor;
  /** V. */
  voltage: number;
  /** It hears nothing and says nothing: a broken cable. */
  silent: boolean;
  reboot(): void;
}

/** Several devices of one id speak at once: where one pulls the line down, it is down. */
export function overlaid(answers: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(Math.max(...answers.map((a) => a.length)));
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = answers.reduce((sum, a) => sum & (a[i] ?? 0xff), 0xff);
  }
  return bytes;
}

/** Servos in the order of their ids, those with one id together. */
export function byId<S extends LineServo>(servos: readonly S[]): [number, S[]][] {
  const groups = new Map<number, S[]>();
  for (const servo of servos) groups.set(servo.id, [...(groups.get(servo.id) ?? []), servo]);
  return [...groups].sort(([a], [b]) => a - b);
}

/** What a test or a person does to a servo. Throws for what it does not know. */
export function change(servo: LineServo, what: string, value: unknown): void {
  if (what === 'voltage') servo.voltage = Number(value);
  else if (what === 'temperature') servo.motor.temperature = Number(value);
  else if (what === 'push') servo.motor.push = Number(value);
  else if (what === 'blocked') servo.motor.blocked = value === true;
  else if (what === 'hand') servo.motor.hand = Number(value);
  else if (what === 'silent') servo.silent = value === true;
  else if (what === 'brownOut') servo.reboot();
  else throw new Error(`a servo has no ${what}`);
}
