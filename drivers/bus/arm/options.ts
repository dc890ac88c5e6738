/** Settings that every arm of servos on a bus has in its robot file. A driver's schema takes them and adds its own. */
import Type from 'typebox';

export const whole = (minimum: number, maximum: number, description: string, value?: number) =>
  Type.Integer({ minimum, maximum, description, ...(value === undefined ? {} : { default: value }) });

/** Of the device. */
export const busProperties = (bauds: readonly number[]) => ({
  port: Type.String({
    minLength: 1,
    description:
      'A path, `serial:NUMBER` of the USB adapter (survives a replug), or `auto` for the only one there is.',
  }),
  baud: Type.Enum([...bauds], { default: 1_000_000, description: 'Baud rate that the servos are set to.' }),
  rateHz: Type.Number({
    minimum: 0,
    maximum: 2000,
    default: 0,
    description: 'States a second; 0: as many as the wire carries.',
  }),
  patienceMs: Type.Number({
    minimum: 1,
    maximum: 1000,
    default: 6,
    description: 'How much longer than on the wire an answer may take.',
  }),
  misses: whole(2, 1000, 'Cycles in a row without a good answer after which the arm counts as lost.', 10),
});

/** Of each servo. `zero` is the step in the middle of its turn. */
export const servoProperties = <const M extends string>(models: readonly M[], zero: number) => ({
  id: whole(0, 252, 'Its id.'),
  model: Type.Enum([...models], { description: 'Its model, as printed on it.' }),
  direction: Type.Enum([1, -1], { default: 1, description: '-1 when the axis counts the other way round.' }),
  ratio: Type.Number({
    exclusiveMinimum: 0,
    default: 1,
    description: 'Axis units per rad of the servo: 1/3 behind a 3:1 gear; m per rad for a gripper.',
  }),
  zero: Type.Integer({
    default: zero,
    description: 'Step (of its turn, or beyond) at which the axis is at `offset`.',
  }),
  offset: Type.Number({ default: 0, description: 'rad or m of the axis at that step.' }),
});

/** What the schemas above come to. */
export interface BusSettings<S> {
  readonly port: string;
  readonly baud: number;
  readonly rateHz: number;
  readonly patienceMs: number;
  readonly misses: number;
  readonly servos: readonly S[];
}
