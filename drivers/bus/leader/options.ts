/** Settings that every leader of servos on a bus has in its robot file. A driver's schema takes them and adds its own. */
import Type from 'typebox';
import { busProperties, whole } from '../arm/options.ts';

const closed = { additionalProperties: false } as const;

/** `zero` is the step in the middle of a servo's turn. */
export const leaderProperties = <const M extends string>(
  models: readonly M[],
  zero: number,
  bauds: readonly number[],
) => {
  const servo = {
    id: whole(0, 252, 'Its id.'),
    model: Type.Enum([...models], { description: 'Its model, as printed on it.' }),
  };
  const step = (where: string) => Type.Integer({ description: `Step with it ${where}.` });
  return {
    ...busProperties(bauds),
    rateHz: Type.Number({
      minimum: 0,
      maximum: 1000,
      default: 200,
      description: 'Readings a second; 0: as many as the wire carries.',
    }),
    servos: Type.Array(
      Type.Object(
        {
          ...servo,
          direction: Type.Enum([1, -1], {
            default: 1,
            description: '-1 when the joint counts the other way round.',
          }),
          zero: Type.Integer({ default: zero, description: 'Step at which the joint is at 0.' }),
        },
        closed,
      ),
      { description: 'One for each joint, in order.' },
    ),
    trigger: Type.Optional(
      Type.Object(
        { ...servo, released: step('released'), squeezed: step('squeezed') },
        { ...closed, description: 'A servo that is squeezed.' },
      ),
    ),
    levers: Type.Array(
      Type.Object({ ...servo, released: step('released'), pressed: step('pressed') }, closed),
      { default: [], maxItems: 31, description: 'Servos that are pressed as buttons: button 0, 1, …' },
    ),
    follow: Type.Optional(
      Type.Object(
        {
          current: Type.Number({
            exclusiveMinimum: 0,
            maximum: 10,
            description: 'The most that a servo pulls with while it goes to the pose of the arm, A.',
          }),
          speed: Type.Number({
            exclusiveMinimum: 0,
            maximum: 3,
            default: 0.5,
            description: 'How fast, rad/s.',
          }),
        },
        {
          ...closed,
          description: 'The leader goes to the pose of the arm by itself. Left out: it is passive.',
        },
      ),
    ),
  };
};

interface Servo {
  readonly id: number;
  readonly model: string;
}

/** What the schema above comes to. */
export interface LeaderSettings {
  readonly port: string;
  readonly baud: number;
  readonly rateHz: number;
  readonly patienceMs: number;
  readonly misses: number;
  readonly servos: readonly (Servo & { readonly direction: 1 | -1; readonly zero: number })[];
  readonly trigger?: Servo & { readonly released: number; readonly squeezed: number };
  readonly levers: readonly (Servo & { readonly released: number; readonly pressed: number })[];
  readonly follow?: { readonly current: number; readonly speed: number };
}
