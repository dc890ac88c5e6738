/** Settings of a mock device in the robot file. */
import Type from 'typebox';

const number = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Number({ minimum, maximum, default: value, description });

export const mockOptions = Type.Object(
  {
    rateHz: number(500, 1, 1000, 'States per second.'),
    clockOffset: number(1000, -1e9, 1e9, 'What its clock shows at the start, s.'),
    clockDriftPpm: number(50, -500, 500, 'How much faster its clock runs, in millionths.'),
    latencyMs: number(1, 0, 1000, 'Time that everything takes on the way, each way.'),
    jitterMs: number(0.5, 0, 1000, 'Added to it at random, 0 to this.'),
    loss: number(0.001, 0, 0.99, 'Probability that a state never arrives.'),
    seed: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 1,
      description: 'Of jitter and loss.',
    }),
    timeConstant: number(0.02, 0.002, 10, 'Of its position servos, s.'),
    lingerS: number(3, 0, 60, 'How long it goes on holding after its host has died, s.'),
    log: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'CSV file to write what it does to, from the current folder; its process id goes to FILE.pid.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type MockOptions = Type.Static<typeof mockOptions>;
