/** The contract of a policy as a table for people: what it sees, what it answers, and how it is run. */
import { featureSize } from '../policy/features.ts';
import type { ConditionInput, PolicyInput, PolicyManifest } from '../policy/manifest.ts';
import { number } from '../report/format.ts';
import type { Html } from '../report/html.ts';
import { facts, panel, table } from '../report/page.ts';
import type { Contestant } from './evaluation.ts';

export function contractPanel({ name, manifest, request }: Contestant): Html | null {
  if (manifest === null) {
    if (name !== 'teacher') return null;
    return panel(
      'Contract of the teacher',
      'The teacher of the task knows the true poses of the scene. It has no bundle, and what it reaches is an upper mark for policies taught by it.',
    );
  }
  return panel(
    `Contract of ${name}`,
    manifest.description,
    table(
      ['sees', 'what', 'size', 'how'],
      manifest.inputs.map((input) => inputRow(input, request)),
    ),
    facts(answers(manifest)),
  );
}

function inputRow(input: PolicyInput, request: Contestant['request']): (string | Html)[] {
  switch (input.kind) {
    case 'state': {
      const fields = input.features.map(
        (f) =>
          `${f.field}${f.encode === 'raw' ? '' : ` as ${f.encode}`}${f.axes === undefined ? '' : `[${f.axes.join(', ')}]`}`,
      );
      return [
        input.name,
        fields.join(', '),
        `${featureSize(input.features)}`,
        scaled(input.normaliser.method),
      ];
    }
    case 'image':
      return [input.name, `camera ${input.camera}`, `${input.width} × ${input.height}`, input.encoding];
    case 'noise':
      return [input.name, `${input.distribution} noise`, input.shape.join(' × '), 'drawn from the seed'];
    case 'condition':
      return [input.name, input.tasks?.join(', ') ?? 'a goal', '', askedText(input, request)];
    default:
      return input satisfies never;
  }
}

/** What was asked of it here. */
function askedText({ tasks }: ConditionInput, request: Contestant['request']): string {
  if (tasks !== undefined) return `asked for here: ${request?.task ?? tasks.join(', ')}`;
  const goal = request?.goal?.map((v) => v.toPrecision(3)).join(', ');
  return `given here: ${goal ?? 'none'}`;
}

const scaled = (method: string): string => (method === 'none' ? 'as measured' : `scaled by ${method}`);

function answers(m: PolicyManifest): (readonly [string, string])[] {
  const { action, chunk, observation } = m;
  const space = action.space === 'joint' ? 'joint positions' : 'tool pose and opening';
  return [
    [
      'answers',
      `${space}, ${action.reference}, ${action.size} numbers a step, ${scaled(action.normaliser.method)}`,
    ],
    [
      'chunk',
      `${chunk.horizon} steps at ${number(m.rateHz)} Hz, a new one every ${chunk.every}, the first ${chunk.first} after the observation`,
    ],
    [
      'execution',
      `${chunk.execution}${chunk.blendMs > 0 ? `, blended over ${number(chunk.blendMs)} ms` : ''}`,
    ],
    ['observation', `${observation.steps} in a row, none older than ${number(observation.maxAgeMs)} ms`],
    ['latency', `${number(m.latencyMs)} ms declared`],
    [
      'made for',
      `${m.robot.ids.join(', ') || 'any rig with these axes'}: ${m.robot.axes.map((a) => a.name).join(', ')}`,
    ],
    ['runs on', m.model.runtime],
    ...(m.training === null
      ? []
      : [
          [
            'trained',
            `run ${m.training.run}, ${m.training.episodes} episodes, step ${m.training.step}, seed ${m.training.seed}`,
          ] as const,
        ]),
  ];
}
