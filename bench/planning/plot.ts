/**
 * Draws the comparison as SVG: what is left of the cost over time, both logarithmic, one panel per task. Colours follow the
 * reader's light or dark scheme; every line is named at its end, so that nothing depends on telling colours apart.
 */
import type { Row } from './summary.ts';

export interface Panel {
  readonly title: string;
  /** A line below the title. */
  readonly about: string;
  readonly rows: readonly Row[];
  /** Seconds at both ends of the axis. */
  readonly from: number;
  readonly to: number;
}

/** Light and dark colour of a line, and its dashes; what is of one kind has one family of colours. */
export interface Ink {
  readonly light: string;
  readonly dark: string;
  readonly dash?: string;
}

const WIDTH = 860;
const LEFT = 84;
const RIGHT = 146;
const PLOT = WIDTH - LEFT - RIGHT;
const HEIGHT = 320;
const TOP = 60;
const BOTTOM = 44;
const PITCH = TOP + HEIGHT + BOTTOM;
/** Below this share lines run along the floor. */
const FLOOR = 1e-4;
const LINE = 15;

export function planningPlot(panels: readonly Panel[], inks: ReadonlyMap<string, Ink>): string {
  const names = [...inks.keys()];
  const rules = names.map((name, i) => {
    const { light, dark, dash } = inks.get(name)!;
    const extra = dash === undefined ? '' : `stroke-dasharray:${dash};`;
    return { light: `.c${i}{--ink:${light}}`, dark: `.c${i}{--ink:${dark}}`, line: extra, i };
  });
  const style = [
    ':root{--paper:#ffffff;--text:#1f2328;--faint:#59636e;--grid:#d8dee4;--edge:#d1d9e0}',
    ...rules.map((r) => r.light),
    '@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--text:#e6edf3;--faint:#9198a1;--grid:#262c36;--edge:#3d444d}',
    ...rules.map((r) => r.dark),
    '}',
    'text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--text)}',
    '.title{font-size:14px;font-weight:600}.tick{font-size:11px;fill:var(--faint)}',
    '.grid{stroke:var(--grid);stroke-width:1}.edge{fill:none;stroke:var(--edge)}',
    '.line{fill:none;stroke:var(--ink);stroke-width:2;stroke-linejoin:round}.band{fill:var(--ink);opacity:.13;stroke:none}',
    '.name{fill:var(--ink);font-weight:600}.lead{stroke:var(--ink);stroke-width:1;opacity:.6;fill:none}',
    ...rules.filter((r) => r.line !== '').map((r) => `.line.c${r.i}{${r.line}}`),
  ].join('\n');
  const height = PITCH * panels.length + 6;
  const body = panels.map((p, i) => panel(p, i * PITCH, names)).join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="What is left of the cost over time, per planner">
<style>
${style}
</style>
<rect width="${WIDTH}" height="${height}" rx="8" fill="var(--paper)"/>
${body}
</svg>
`;
}

function panel({ title, about, rows, from, to }: Panel, top: number, names: readonly string[]): string {
  const x = (time: number): number =>
    LEFT + (PLOT * Math.log(Math.max(time, from) / from)) / Math.log(to / from);
  const y = (share: number): number =>
    top + TOP + (HEIGHT * Math.log(Math.min(1, Math.max(share, FLOOR)))) / Math.log(FLOOR);
  const out = [
    `<text class="title" x="${LEFT}" y="${top + 28}">${xmlText(title)}</text>`,
    `<text class="tick" x="${LEFT}" y="${top + 46}">${xmlText(about)}</text>`,
    `<text class="tick" x="${LEFT + PLOT}" y="${top + 28}" text-anchor="end">cost left, of all that there is to gain</text>`,
  ];
  for (let share = 1; share >= FLOOR / 2; share /= 10) {
    const at = y(share).toFixed(1);
    out.push(`<path class="grid" d="M${LEFT} ${at}H${LEFT + PLOT}"/>`);
    const label = share < 2 * FLOOR ? `≤ ${percent(share)}` : percent(share);
    out.push(`<text class="tick" x="${LEFT - 8}" y="${Number(at) + 4}" text-anchor="end">${label}</text>`);
  }
  for (const time of ticks(from, to)) {
    const at = x(time).toFixed(1);
    const end = top + TOP + HEIGHT;
    out.push(`<path class="grid" d="M${at} ${top + TOP}V${end}"/>`);
    out.push(`<text class="tick" x="${at}" y="${end + 17}" text-anchor="middle">${seconds(time)}</text>`);
  }
  out.push(`<rect class="edge" x="${LEFT}" y="${top + TOP}" width="${PLOT}" height="${HEIGHT}"/>`);
  const caption = `x="${LEFT + PLOT / 2}" y="${top + TOP + HEIGHT + 36}" text-anchor="middle"`;
  out.push(`<text class="tick" ${caption}>time since the solve began, on one core</text>`);
  const inked = rows.map((row) => ({ row, ink: `c${names.indexOf(row.name)}` }));
  for (const { row, ink } of inked) {
    const upper = row.bands.map((b) => `${x(b.time).toFixed(1)} ${y(b.high).toFixed(1)}`);
    const lower = row.bands.map((b) => `${x(b.time).toFixed(1)} ${y(b.low).toFixed(1)}`).reverse();
    out.push(`<path class="band ${ink}" d="M${[...upper, ...lower].join('L')}Z"/>`);
  }
  for (const { row, ink } of inked) {
    const points = row.bands.map((b) => `${x(b.time).toFixed(1)} ${y(b.middle).toFixed(1)}`);
    out.push(`<path class="line ${ink}" d="M${points.join('L')}"/>`);
  }
  const ends = inked.map(({ row, ink }) => ({ ink, name: row.name, y: y(row.end.middle) }));
  const places = spread(
    ends.map((e) => e.y),
    LINE,
    top + TOP + 4,
    top + TOP + HEIGHT - 2,
  );
  ends.forEach((e, i) => {
    const edge = LEFT + PLOT;
    out.push(
      `<path class="lead ${e.ink}" d="M${edge} ${e.y.toFixed(1)}L${edge + 14} ${places[i]!.toFixed(1)}"/>`,
    );
    const at = `x="${edge + 18}" y="${(places[i]! + 4).toFixed(1)}"`;
    out.push(`<text class="name ${e.ink}" ${at}>${xmlText(e.name)}</text>`);
  });
  return out.join('\n');
}

/**
 * Moves labels apart until they are `gap` from each other, in their order, between `low` and `high`: pushed down one after
 * the other, then up from the end where they overran.
 */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): readonly number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]! || a - b);
  const placed = new Array<number>(wanted.length).fill(0);
  let next = low;
  for (const i of order) {
    placed[i] = Math.max(wanted[i]!, next);
    next = placed[i]! + gap;
  }
  let most = high;
  for (const i of order.reverse()) {
    placed[i] = Math.min(placed[i]!, most);
    most = placed[i]! - gap;
  }
  return placed;
}

/** 1, 2 and 5 times powers of ten on short axes, powers alone on long ones. */
function ticks(from: number, to: number): readonly number[] {
  const steps = Math.log10(to / from) > 3 ? [1] : [1, 2, 5];
  const found: number[] = [];
  for (let e = Math.floor(Math.log10(from)); e <= Math.ceil(Math.log10(to)); e++) {
    for (const s of steps) {
      const t = s * 10 ** e;
      if (t >= from * 0.999 && t <= to * 1.001) found.push(t);
    }
  }
  return found;
}

const trim = (v: number): string => String(Number(v.toPrecision(2)));
const percent = (share: number): string => `${trim(100 * share)} %`;

/** 3 µs, 20 ms, 1.5 s. */
export function seconds(t: number): string {
  if (t < 0.9995e-3) return `${trim(t * 1e6)} µs`;
  return t < 0.9995 ? `${trim(t * 1e3)} ms` : `${trim(t)} s`;
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
