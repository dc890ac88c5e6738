/** Shapes of the network that samples ask for. */
import type { PolicyShapes } from '../nn/networks/shapes.ts';
import { featureSize } from '../policy/features.ts';
import type { TrainingData } from './data/batch.ts';

export function policyShapes({
  inputs,
  action,
  steps,
  horizon,
}: Omit<TrainingData, 'train' | 'validation' | 'dataSha256'>): PolicyShapes {
  const condition = inputs.find((i) => i.kind === 'condition');
  return {
    steps,
    horizon,
    actionSize: action.size,
    states: inputs.flatMap((i) =>
      i.kind === 'state' ? [{ name: i.name, size: featureSize(i.features) }] : [],
    ),
    images: inputs.flatMap((i) =>
      i.kind === 'image' ? [{ name: i.name, width: i.width, height: i.height }] : [],
    ),
    ...(condition === undefined
      ? {}
      : {
          condition:
            condition.tasks === undefined
              ? { name: condition.name, size: featureSize(condition.features ?? []) }
              : { name: condition.name, tasks: condition.tasks.length },
        }),
  };
}
