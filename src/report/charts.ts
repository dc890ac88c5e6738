/** Charts as inline SVG, coloured by the classes of style.ts. Every chart says in words what it shows (aria-label). */
import type { Interval, Median } from '../math/statistics.ts';
import { number, percent, seconds } from './format.ts';
import { type Html, html } from './html.ts';

/** Round values that divide [low, high] into about `count` steps. */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => span / s <= count)! || 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

export interface IntervalBar extends Interval {
  readonly value: number;
  /** What is asked for; drawn dashed. */
  readonly goal?: number;
  readonly label?: string;
}

/** Rates 0..100 % with their intervals, one line each, on one scale. */
export function intervalBars(rows: readonly IntervalBar[]): Html {
  const named = rows.some((r) => r.label !== undefined);
  const [width, left, right, pitch] = [560, named ? 130 : 14, 546, 34];
  const at = (rate: number): number => left + rate * (right - left);
  const bottom = rows.length * pitch + 4;
  const goal = rows.find((r) => r.goal !== undefined)?.goal;
  const one = (r: IntervalBar, i: number): Html => {
    const y = i * pitch + 8;
    const width = Math.max(2, at(r.high) - at(r.low));
    return html`<g><title>${r.label ?? ''} ${percent(r.value)}, ${percent(r.low)} to ${percent(r.high)}</title>
${r.label === undefined ? null : html`<text class="strong" x="${left - 12}" y="${y + 15}" text-anchor="end">${r.label}</text>`}
<rect class="rail" x="${left}" y="${y + 6}" width="${right - left}" height="8" rx="4"/>
<rect class="band" x="${at(r.low)}" y="${y + 2}" width="${width}" height="16" rx="4"/>
<line class="mark" x1="${at(r.value)}" x2="${at(r.value)}" y1="${y - 2}" y2="${y + 22}"/></g>`;
  };
  const scale = [0, 0.25, 0.5, 0.75, 1].map(
    (r) => html`<text x="${at(r)}" y="${bottom + 16}" text-anchor="middle">${percent(r)}</text>`,
  );
  const asked =
    goal === undefined
      ? null
      : html`<line class="goal" x1="${at(goal)}" x2="${at(goal)}" y1="0" y2="${bottom}"/><text x="${at(goal)}" y="-6" text-anchor="middle">goal ${percent(goal)}</text>`;
  return html`<svg viewBox="0 ${goal === undefined ? 0 : -18} ${width} ${bottom + (goal === undefined ? 22 : 40)}" role="img" aria-label="success rate with its 95 % interval">
${rows.map(one)}${scale}${asked}</svg>`;
}

export interface Histogram {
  readonly values: readonly number[];
  /** Under the axis, unit included. */
  readonly label: string;
  readonly median?: Median;
  /** Right end of the axis; the largest value when left out. */
  readonly max?: number;
}

/** Counts from 0 on, in at most 24 bins of a round width. */
export function histogram({ values, label, median, max }: Histogram): Html {
  const [width, height, left, right, top, bottom] = [480, 400, 34, 470, 30, 352];
  const high = Math.max(max ?? 0, ...values, 1e-9);
  const marks = ticks(0, high, 6);
  const tick = marks.length > 1 ? marks[1]! - marks[0]! : high;
  const bin = tick / Math.max(1, Math.min(5, Math.round(24 / Math.max(1, high / tick))));
  const bins = Math.max(1, Math.ceil(high / bin - 1e-9));
  const counts = new Array<number>(bins).fill(0);
  for (const v of values) counts[Math.min(bins - 1, Math.max(0, Math.floor(v / bin)))]! += 1;
  const most = Math.max(1, ...counts);
  const x = (v: number): number => left + (v / (bins * bin)) * (right - left);
  const y = (c: number): number => bottom - (c / most) * (bottom - top);
  const rows = [...new Set(ticks(0, most, 4).map(Math.round))];
  const grid = rows.map(
    (c) =>
      html`<line class="grid" x1="${left}" x2="${right}" y1="${y(c)}" y2="${y(c)}"/><text x="${left - 8}" y="${y(c) + 4}" text-anchor="end">${c}</text>`,
  );
  const bars = counts.map((c, i) =>
    c === 0
      ? null
      : html`<rect class="bar" x="${x(i * bin) + 1}" y="${y(c)}" width="${Math.max(1, x(bin) - x(0) - 2)}" height="${bottom - y(c)}" rx="2"><title>${number(i * bin)} to ${number((i + 1) * bin)}: ${c}</title></rect>`,
  );
  const scale = marks.map(
    (v) => html`<text x="${x(v)}" y="${bottom + 18}" text-anchor="middle">${number(v)}</text>`,
  );
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="histogram of ${values.length} values: ${label}">
${median === undefined ? null : medianBand(median, x, top, bottom)}${grid}${bars}
${median === undefined ? null : medianLine(median, x, [left, right], top, bottom)}
<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>${scale}
<text x="${(left + right) / 2}" y="${bottom + 38}" text-anchor="middle">${label}</text></svg>`;
}

type Scale = (value: number) => number;

function medianBand(m: Median, x: Scale, top: number, bottom: number): Html | null {
  if (!Number.isFinite(m.low)) return null;
  return html`<rect class="band" x="${x(m.low)}" y="${top}" width="${Math.max(1, x(m.high) - x(m.low))}" height="${bottom - top}"/>`;
}

function medianLine(
  m: Median,
  x: Scale,
  [left, right]: readonly [number, number],
  top: number,
  bottom: number,
): Html | null {
  if (!Number.isFinite(m.median)) return null;
  const at = x(m.median);
  // The words stay inside.
  const middle = Math.min(right - 50, Math.max(left + 50, at));
  return html`<line class="mark" x1="${at}" x2="${at}" y1="${top - 6}" y2="${bottom}"/><text class="strong" x="${middle}" y="${top - 11}" text-anchor="middle">median ${seconds(m.median)}</text>`;
}

export interface Place {
  /** m in the world frame: x ahead of the robot, y to its left. */
  readonly x: number;
  readonly y: number;
  readonly success: boolean;
  readonly label: string;
  /** Where a failure leads to when it is clicked. */
  readonly href?: string;
}

/** Start positions seen from above with the robot below, true to scale: a dot where it succeeded, a cross where not. */
export function placeMap(places: readonly Place[]): Html {
  const xs = places.map((p) => p.x);
  const ys = places.map((p) => p.y);
  const pad = 0.02;
  const [lowX, highX] = [Math.min(...xs) - pad, Math.max(...xs) + pad];
  const [lowY, highY] = [Math.min(...ys) - pad, Math.max(...ys) + pad];
  const [left, top, room] = [52, 10, 430];
  const scale = Math.min(room / Math.max(highY - lowY, 0.01), 340 / Math.max(highX - lowX, 0.01));
  const [wide, tall] = [(highY - lowY) * scale, (highX - lowX) * scale];
  // The robot looks up the page, so its left (+y) is the page's left.
  const px = (y: number): number => left + (highY - y) * scale;
  const py = (x: number): number => top + (highX - x) * scale;
  const dots = places
    .filter((p) => p.success)
    .map(
      (p) =>
        html`<circle class="dot" cx="${round(px(p.y))}" cy="${round(py(p.x))}" r="5"><title>${p.label}</title></circle>`,
    );
  const crosses = places.filter((p) => !p.success).map((p) => cross(p, px(p.y), py(p.x)));
  const across = ticks(lowY, highY, 5).map(
    (y) =>
      html`<line class="grid" x1="${px(y)}" x2="${px(y)}" y1="${top}" y2="${top + tall}"/><text x="${px(y)}" y="${top + tall + 17}" text-anchor="middle">${number(y)}</text>`,
  );
  const ahead = ticks(lowX, highX, 5).map(
    (x) =>
      html`<line class="grid" x1="${left}" x2="${left + wide}" y1="${py(x)}" y2="${py(x)}"/><text x="${left - 8}" y="${py(x) + 4}" text-anchor="end">${number(x)}</text>`,
  );
  const middle = left + wide / 2;
  return html`<svg viewBox="0 0 ${Math.max(left + wide + 14, 300)} ${top + tall + 68}" role="img" aria-label="start positions: ${dots.length} successes, ${crosses.length} failures">
<rect class="area" x="${left}" y="${top}" width="${wide}" height="${tall}" rx="6"/>${across}${ahead}${dots}${crosses}
<text x="${middle}" y="${top + tall + 35}" text-anchor="middle">y in m (left of the robot is left)</text>
<text x="14" y="${top + tall / 2}" text-anchor="middle" transform="rotate(-90 14 ${top + tall / 2})">x in m, ahead of the robot</text>
<g transform="translate(${middle - 80} ${top + tall + 56})"><circle class="dot" cx="0" cy="-4" r="5"/><text x="11" y="0">success</text>
<path class="cross" d="M88 -8l8 8m0 -8l-8 8"/><text x="104" y="0">failure</text></g></svg>`;
}

function cross(p: Place, x: number, y: number): Html {
  const mark = html`<path class="cross" d="M${round(x - 5)} ${round(y - 5)}l10 10m0 -10l-10 10"><title>${p.label}</title></path>`;
  return p.href === undefined ? mark : html`<a href="${p.href}" aria-label="${p.label}">${mark}</a>`;
}

export interface BarRow {
  readonly name: string;
  readonly value: number;
  /** What stands behind the bar. */
  readonly text: string;
}

/** Horizontal bars from one zero, longest first. */
export function bars(rows: readonly BarRow[], label: string): Html {
  const sorted = [...rows].sort((a, b) => b.value - a.value);
  const [width, left, right, pitch] = [560, 150, 380, 28];
  const most = Math.max(1e-12, ...sorted.map((r) => r.value));
  const one = (r: BarRow, i: number): Html => {
    const length = Math.max(r.value > 0 ? 2 : 0, (r.value / most) * (right - left));
    return html`<text class="strong" x="${left - 12}" y="${i * pitch + 17}" text-anchor="end">${r.name}</text>
<rect class="bar" x="${left}" y="${i * pitch + 5}" width="${length}" height="16" rx="3"/><text x="${left + length + 8}" y="${i * pitch + 17}">${r.text}</text>`;
  };
  return html`<svg class="bars" viewBox="0 0 ${width} ${sorted.length * pitch + 4}" role="img" aria-label="${label}">${sorted.map(one)}</svg>`;
}

const round = (v: number): number => Math.round(v * 10) / 10;
