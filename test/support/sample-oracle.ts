/**
 * Samples by the plainest possible reading of docs/data.md: every message of an episode in memory, every look-up a search
 * through all of them. Shares no code with the data path but the readers of files, features and actions.
 */
import sharp from 'sharp';
import { Episode } from '../../src/episode/episode.ts';
import type { SampleSpec } from '../../src/learn/data/spec.ts';
import { ActionSpace } from '../../src/policy/action-space.ts';
import { FeatureReader } from '../../src/policy/features.ts';
import { decodeBlock } from '../../src/record/cdr.ts';
import { cameraTopic } from '../../src/record/episode-writer.ts';
import type { EpisodeFiles } from '../../src/record/files.ts';
import { ControllerId, Mode, Source } from '../../src/robot/tick.ts';

export interface OracleSample {
  readonly episode: string;
  /** Sample time, ns. */
  readonly time: number;
  /** By input: S vectors, not normalised. */
  readonly states: readonly (readonly number[])[];
  /** By input: S pictures. */
  readonly images: readonly (readonly Uint8Array[])[];
  /** H vectors, not normalised, and which are real. */
  readonly actions: readonly (readonly number[])[];
  readonly mask: readonly number[];
}

interface Tick {
  readonly time: number;
  readonly block: Float64Array;
}

interface Shot {
  readonly time: number;
  readonly jpeg: Uint8Array;
}

export async function oracleSamples(
  files: EpisodeFiles,
  id: string,
  spec: SampleSpec,
): Promise<OracleSample[]> {
  await using episode = await Episode.open(files, id);
  const { tickLayout: layout } = episode;
  const get = (tick: Tick, name: string): number => tick.block[layout.at(name)]!;
  const ticks: Tick[] = [];
  const shots = spec.images.map((): Shot[] => []);
  await episode.messages({
    '/tick': (m) => {
      const block = decodeBlock(m.data, new Float64Array(layout.size));
      ticks.push({ time: Math.round(block[layout.at('in.time')]! * 1e9), block });
    },
  });
  for (const [i, { camera }] of spec.images.entries()) {
    const { CdrReader } = await import('@foxglove/cdr');
    await episode.messages({
      [cameraTopic(camera)]: (m) => {
        const cdr = new CdrReader(m.data.slice());
        for (let k = 0; k < 2; k++) cdr.uint32();
        for (let k = 0; k < 2; k++) cdr.string();
        shots[i]!.push({
          time: Number(m.publishTime - episode.wallOffsetNs),
          jpeg: cdr.uint8Array().slice(),
        });
      },
    });
  }

  // Spans.
  const sources = (spec.sources ?? ['human', 'script']).map((s) => Source[s]) as number[];
  const idleControllers: number[] = [ControllerId.hold, ControllerId.home, ControllerId.reset];
  const driven = (t: Tick): boolean =>
    get(t, 'out.mode') === Mode.active &&
    sources.includes(get(t, 'out.source')) &&
    !idleControllers.includes(get(t, 'out.controller'));
  const spans: Tick[][] = [];
  ticks.forEach((tick, i) => {
    if (!driven(tick)) return;
    const before = ticks[i - 1];
    const joined =
      before !== undefined &&
      driven(before) &&
      get(before, 'in.task.epoch') === get(tick, 'in.task.epoch') &&
      tick.time - before.time <= 1e8;
    if (joined) spans.at(-1)!.push(tick);
    else spans.push([tick]);
  });

  const readers = spec.states.map(
    (s) =>
      new FeatureReader(
        layout,
        s.features.map((f) => {
          const width = f.encode === 'pose9' ? 9 : (f.axes?.length ?? layout.field(f.field).length);
          return {
            field: f.field,
            encode: f.encode,
            unit: '1',
            width,
            ...(f.axes ? { axes: [...f.axes] } : {}),
          };
        }),
      ),
  );
  const space = new ActionSpace(episode.spec, layout, spec.action);
  const step = 1e9 / spec.rateHz;
  const raster = step / (spec.phases ?? 1);
  const samples: OracleSample[] = [];
  for (const span of spans) {
    const scene = ticks.findIndex((t) => get(t, 'in.task.epoch') === get(span[0]!, 'in.task.epoch'));
    const since = scene === 0 ? Number.NEGATIVE_INFINITY : ticks[scene]!.time;
    const tickAt = (t: number): Tick => span.filter((x) => x.time <= t).at(-1)!;
    const shotAt = (i: number, t: number): Shot | undefined =>
      shots[i]!.filter((s) => s.time <= t && s.time >= since)
        .sort((a, b) => a.time - b.time)
        .at(-1);
    const rows: number[] = [];
    for (let k = 0; ; k++) {
      const t = span[0]!.time + Math.round(k * raster);
      if (t > span.at(-1)!.time) break;
      if (spec.images.every((_, i) => shotAt(i, t) !== undefined)) rows.push(t);
    }
    const [head, tail] = [rows[0], rows.at(-1)];
    if (head === undefined || tail === undefined) continue;
    const idle = idleTicks(span, episode.spec.axes, layout.at('out.q'), spec);
    const nearest = (t: number): number => rows.reduce((a, b) => (Math.abs(b - t) < Math.abs(a - t) ? b : a));
    for (const t of rows) {
      const history = Array.from({ length: spec.observationSteps }, (_, k) =>
        nearest(Math.max(head, t - (spec.observationSteps - 1 - k) * step)),
      );
      const wanted = Array.from({ length: spec.horizon }, (_, k) => t + (k + spec.first) * step);
      // Rows of one raster are rounded to whole ns each by itself.
      const mask = wanted.map((w) => (w <= tail + 2 ? 1 : 0));
      if (!mask.includes(1)) continue;
      const stale = history.some((h) => {
        const tick = tickAt(h);
        const { offset, length } = layout.field('in.device.time');
        const state = Math.round(Math.min(...tick.block.subarray(offset, offset + length)) * 1e9);
        const ages = [h - state, ...spec.images.map((_, i) => h - shotAt(i, h)!.time)];
        return Math.max(...ages) > (spec.maxAgeMs ?? 300) * 1e6;
      });
      if (stale || (spec.idle === 'drop' && idle.has(tickAt(t)))) continue;
      const observed = tickAt(t);
      samples.push({
        episode: id,
        time: t,
        states: readers.map((r) =>
          history.flatMap((h) => {
            const out = new Float32Array(r.size);
            r.read(tickAt(h).block, out);
            return [...out];
          }),
        ),
        images: await Promise.all(
          spec.images.map((image, i) =>
            Promise.all(history.map((h) => picture(shotAt(i, h)!.jpeg, image.width, image.height))),
          ),
        ),
        actions: wanted.map((w) => {
          const out = new Float64Array(space.size);
          space.encode(tickAt(Math.min(tail, nearest(w))).block, observed.block, out);
          return [...out];
        }),
        mask,
      });
    }
  }
  return samples;
}

/** Ticks of some interval that is long enough and in which nothing moves. */
function idleTicks(
  span: readonly Tick[],
  axes: readonly { readonly type: string }[],
  q: number,
  spec: SampleSpec,
): Set<Tick> {
  const rule = spec.idleRule ?? { seconds: 0.5, rad: 0.002, m: 0.0005 };
  const idle = new Set<Tick>();
  for (let i = 0; i < span.length; i++) {
    const low = axes.map((_, a) => span[i]!.block[q + a]!);
    const high = [...low];
    for (let j = i; j < span.length; j++) {
      let still = true;
      axes.forEach((axis, a) => {
        low[a] = Math.min(low[a]!, span[j]!.block[q + a]!);
        high[a] = Math.max(high[a]!, span[j]!.block[q + a]!);
        still &&= high[a]! - low[a]! <= (axis.type === 'revolute' ? rule.rad : rule.m);
      });
      if (!still) break;
      if (span[j]!.time - span[i]!.time >= rule.seconds * 1e9)
        for (const t of span.slice(i, j + 1)) idle.add(t);
    }
  }
  return idle;
}

/** Centre crop, then the mean of what lies under each pixel. */
async function picture(jpeg: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  const scale = Math.min(info.width / width, info.height / height);
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  const [x0, y0] = [Math.floor((info.width - w) / 2), Math.floor((info.height - h) / 2)];
  const overlap = (i: number, size: number, out: number, s: number): number =>
    Math.max(0, Math.min(((i + 1) * size) / out, s + 1) - Math.max((i * size) / out, s));
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let sy = Math.floor((y * h) / height); sy < Math.ceil(((y + 1) * h) / height); sy++)
          for (let sx = Math.floor((x * w) / width); sx < Math.ceil(((x + 1) * w) / width); sx++) {
            const share = overlap(x, w, width, sx) * overlap(y, h, height, sy);
            sum += share * data[((y0 + sy) * info.width + x0 + sx) * 3 + c]!;
          }
        pixels[(y * width + x) * 3 + c] = Math.round(sum / ((w / width) * (h / height)));
      }
  return pixels;
}
