/** What a policy network sees and does, as shapes. */
import type { Graph } from '../graph.ts';
import type { Tensor } from '../tensor.ts';

/** A task number (int64 [B], in 0..tasks) or a goal vector (float32 [B, size], normalised). */
export type ConditionShape =
  | { readonly name: string; readonly tasks: number }
  | { readonly name: string; readonly size: number };

export interface PolicyShapes {
  /** S: observation steps, oldest first. */
  readonly steps: number;
  /** H: action steps of a chunk. */
  readonly horizon: number;
  /** A. */
  readonly actionSize: number;
  /** Each float32 [B, S, size], normalised. */
  readonly states: readonly { readonly name: string; readonly size: number }[];
  /** Each uint8 [B, S, height, width, 3]. */
  readonly images: readonly { readonly name: string; readonly width: number; readonly height: number }[];
  readonly condition?: ConditionShape;
}

/** Inputs of the graph for a batch of observations, by name. */
export function observationInputs(g: Graph, shapes: PolicyShapes, batch: number): Record<string, Tensor> {
  const { steps, states, images, condition } = shapes;
  const inputs: Record<string, Tensor> = {};
  for (const s of states) inputs[s.name] = g.input(s.name, [batch, steps, s.size]);
  for (const i of images) inputs[i.name] = g.input(i.name, [batch, steps, i.height, i.width, 3], 'uint8');
  if (condition !== undefined) {
    inputs[condition.name] =
      'tasks' in condition
        ? g.input(condition.name, [batch], 'int64')
        : g.input(condition.name, [batch, condition.size]);
  }
  return inputs;
}

/** Inputs of the graph for the labels: action [B, H, A] and actionMask [B, H]. */
export function actionInputs(
  g: Graph,
  shapes: PolicyShapes,
  batch: number,
): { readonly action: Tensor; readonly actionMask: Tensor } {
  return {
    action: g.input('action', [batch, shapes.horizon, shapes.actionSize]),
    actionMask: g.input('actionMask', [batch, shapes.horizon]),
  };
}
