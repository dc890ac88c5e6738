/** The contract of a policy in words. No DOM here. */
import type { PolicyManifest } from '../../server/learning-protocol.ts';

type Input = PolicyManifest['inputs'][number];

export interface InputRow {
  readonly name: string;
  readonly what: string;
  readonly size: string;
  readonly how: string;
}

const scaled = (method: string): string => (method === 'none' ? 'as measured' : `scaled by ${method}`);

export function inputRow(input: Input): InputRow {
  switch (input.kind) {
    case 'state': {
      const what = input.features
        .map((f) => `${f.field}${f.encode === 'raw' ? '' : ` as ${f.encode}`}`)
        .join(', ');
      const size = input.features.reduce((sum, f) => sum + f.width, 0);
      return { name: input.name, what, size: String(size), how: scaled(input.normaliser.method) };
    }
    case 'image':
      return {
        name: input.name,
        what: `camera ${input.camera}`,
        size: `${input.width} × ${input.height}`,
        how: input.encoding,
      };
    case 'noise':
      return {
        name: input.name,
        what: `${input.distribution} noise`,
        size: input.shape.join(' × '),
        how: 'drawn from the seed',
      };
    case 'condition':
      return {
        name: input.name,
        what: input.tasks?.join(', ') ?? 'a goal',
        size: '',
        how: 'asked by the operator',
      };
    default:
      return input satisfies never;
  }
}

/** What it answers and how it is run: name and text. */
export function answers(m: PolicyManifest): (readonly [string, string])[] {
  const { action, chunk, observation, training } = m;
  const space = action.space === 'joint' ? 'joint positions' : 'tool pose and opening';
  const ms = (steps: number): string => `${Math.round((1000 * steps) / m.rateHz)} ms`;
  return [
    ['answers', `${space}, ${action.reference}, ${action.size} numbers a step`],
    ['rate', `${m.rateHz} Hz`],
    [
      'horizon',
      `${chunk.horizon} steps (${ms(chunk.horizon)}), a new chunk every ${chunk.every} (${ms(chunk.every)})`,
    ],
    ['execution', `${chunk.execution}${chunk.blendMs > 0 ? `, blended over ${chunk.blendMs} ms` : ''}`],
    [
      'sees',
      `${observation.steps} ${observation.steps === 1 ? 'observation' : 'observations'}, none older than ${observation.maxAgeMs} ms`,
    ],
    ['declared latency', `${m.latencyMs} ms`],
    ['made for', m.robot.ids.join(', ') || 'any rig with these axes'],
    ['axes', m.robot.axes.map((a) => a.name).join(', ')],
    ['runs on', m.model.runtime],
    ...(training === null
      ? []
      : ([
          ['trained', `${training.episodes} episodes, step ${training.step}, seed ${training.seed}`],
        ] as const)),
  ];
}
