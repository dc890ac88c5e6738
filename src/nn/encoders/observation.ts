/**
 * From observations to features: each camera through its image network, all states through one small network, a task or
 * goal through an embedding, and the observation steps joined by stacking, recurrence or attention.
 */
import type { Graph } from '../graph.ts';
import type { Encoded } from '../heads/head.ts';
import { embedding } from '../layers/embedding.ts';
import { film } from '../layers/film.ts';
import { linear, mlp } from '../layers/linear.ts';
import { sinusoidalGrid } from '../layers/positions.ts';
import type { EncoderConfig } from '../networks/config.ts';
import type { ConditionShape, PolicyShapes } from '../networks/shapes.ts';
import { add, broadcastTo, concat, relu, reshape, slice, transpose } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { history } from './history.ts';
import { type FeatureMaps, featureMaps, pooled } from './image.ts';

export interface ObservationEncoder {
  /** F, the size of the feature vector. */
  readonly features: number;
  readonly encode: (obs: Readonly<Record<string, Tensor>>) => Encoded;
}

/**
 * With `tokenWidth` > 0 the newest frames are given as tokens of that width (for a transformer) and leave the feature
 * vector; otherwise they are pooled into it.
 */
export function observationEncoder(
  g: Graph,
  config: EncoderConfig,
  shapes: PolicyShapes,
  tokenWidth: number,
): ObservationEncoder {
  return g.scope('encoder', () => {
    const { steps } = shapes;
    const condition = shapes.condition === undefined ? null : conditionEncoder(g, config, shapes.condition);
    const conditionSize = condition === null ? 0 : config.condition.width;
    const modulated = config.condition.use === 'film' ? conditionSize : 0;
    const cameras = imageEncoders(g, config, shapes, modulated, tokenWidth);

    const stateSize = shapes.states.reduce((n, s) => n + s.size, 0);
    const widths = config.state.widths;
    const states = stateSize > 0 ? mlp(g, 'state', [stateSize, ...widths]) : null;
    const perStep = (stateSize > 0 ? (widths.at(-1) ?? stateSize) : 0) + cameras.pooledSize;
    const joined = perStep > 0 ? history(g, 'history', config.history, perStep, steps) : null;
    const whole = (joined?.size ?? 0) + conditionSize;
    const modulate =
      modulated > 0 && joined !== null ? film(g, 'film', modulated, joined.size, 'last') : null;

    return {
      features: whole,
      encode(obs) {
        const c = condition?.(obs) ?? null;
        const parts: Tensor[] = [];
        if (states !== null) {
          const all = concat(
            shapes.states.map((s) => obs[s.name]!),
            2,
          );
          parts.push(widths.length > 0 ? relu(states(all)) : all);
        }
        const { vectors, tokens } = cameras.encode(obs, modulated > 0 ? c : null);
        parts.push(...vectors);
        const vector: Tensor[] = [];
        if (joined !== null) {
          const over = joined.apply(concat(parts, 2));
          vector.push(modulate === null || c === null ? over : modulate(over, c));
        }
        if (c !== null) vector.push(c);
        return { vector: concat(vector, 1), tokens };
      },
    };
  });
}

/** A task number or a goal to [B, width]. */
function conditionEncoder(
  g: Graph,
  config: EncoderConfig,
  shape: ConditionShape,
): (obs: Readonly<Record<string, Tensor>>) => Tensor {
  const { width } = config.condition;
  if ('tasks' in shape) {
    const table = embedding(g, 'task', shape.tasks, width);
    return (obs) => table(obs[shape.name]!);
  }
  const goal = mlp(g, 'goal', [shape.size, 2 * width, width]);
  return (obs) => goal(obs[shape.name]!);
}

interface ImageEncoders {
  /** Size of the pooled features of one step, of all cameras. */
  readonly pooledSize: number;
  readonly encode: (
    obs: Readonly<Record<string, Tensor>>,
    condition: Tensor | null,
  ) => { readonly vectors: readonly Tensor[]; readonly tokens: Tensor | null };
}

function imageEncoders(
  g: Graph,
  config: EncoderConfig,
  shapes: PolicyShapes,
  conditionSize: number,
  tokenWidth: number,
): ImageEncoders {
  const shared = new Map<string, FeatureMaps>();
  const cameras = shapes.images.map((image) => {
    const key = config.shareImages ? `${image.width}x${image.height}` : image.name;
    const name = config.shareImages ? `image${key}` : `image_${image.name}`;
    const maps = shared.get(key) ?? featureMaps(g, name, config.image, image, conditionSize);
    shared.set(key, maps);
    const pool = tokenWidth > 0 ? null : pooled(g, `pool_${image.name}`, config.image, maps);
    const tokens = tokenWidth > 0 ? toTokens(g, `tokens_${image.name}`, maps, tokenWidth) : null;
    return { image, maps, pool, tokens };
  });
  return {
    pooledSize: cameras.reduce((n, c) => n + (c.pool?.size ?? 0), 0),
    encode(obs, condition) {
      const vectors: Tensor[] = [];
      const tokens: Tensor[] = [];
      for (const camera of cameras) {
        const frames = obs[camera.image.name]!;
        const [batch, steps, ...frame] = frames.shape as [number, number, number, number, number];
        if (camera.tokens !== null) {
          const newest = reshape(slice(frames, { 1: [steps - 1, steps] }), [batch, ...frame]);
          tokens.push(camera.tokens(camera.maps.apply(newest, condition ?? undefined)));
          continue;
        }
        const all = reshape(frames, [batch * steps, ...frame]);
        const c = condition === null ? undefined : everyStep(condition, steps);
        vectors.push(
          reshape(camera.pool!.apply(camera.maps.apply(all, c)), [batch, steps, camera.pool!.size]),
        );
      }
      return { vectors, tokens: tokens.length > 0 ? concat(tokens, 1) : null };
    },
  };
}

/** [B, D] for each of the steps: [B · steps, D]. */
function everyStep(x: Tensor, steps: number): Tensor {
  const [batch, size] = x.shape as [number, number];
  return reshape(broadcastTo(reshape(x, [batch, 1, size]), [batch, steps, size]), [batch * steps, size]);
}

/** Cells of the feature maps as tokens [B, h w, width] with codes of their places and of their camera. */
function toTokens(g: Graph, name: string, maps: FeatureMaps, width: number): (x: Tensor) => Tensor {
  return g.scope(name, () => {
    const project = linear(g, 'project', maps.channels, width);
    const camera = g.parameter('camera', [1, 1, width], { kind: 'normal', std: 0.02 });
    const places = sinusoidalGrid(g, maps.height, maps.width, width);
    return (x) => {
      const cells = reshape(transpose(x, [0, 2, 3, 1]), [
        x.shape[0]!,
        maps.height * maps.width,
        maps.channels,
      ]);
      return add(project(cells), add(places, camera));
    };
  });
}
