/**
 * What every bench shares: interleaved repeats of ours and a peer, one row per statistic, a verdict with stated
 * limits. A bench is bench/NAME.ts exporting `run(context): Promise<BenchResult>`.
 */
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

/** One statistic of one case. Values over the repeats; ratio = ours / peer (peer / ours for rates), lower is better. */
export interface BenchRow {
  readonly case: string;
  readonly unit: string;
  readonly median: number;
  /** 99th percentile of the repeats on the bad side (for rates the 1st). */
  readonly p99: number;
  readonly worst: number;
  /** Who it was compared with. An absent peer says so, with the floor used instead. */
  readonly peer: string;
  readonly peerMedian: number | null;
  readonly ratio: number | null;
}

export interface BenchResult {
  readonly bench: string;
  readonly machine: string;
  readonly rows: readonly BenchRow[];
  readonly pass: boolean;
}

export interface BenchContext {
  /** Interleaved repeats, at least 5. */
  readonly repeats: number;
  /** Progress for people; never stdout. */
  readonly log: (text: string) => void;
}

export interface BenchModule {
  run(context: BenchContext): Promise<BenchResult>;
}

export interface BenchCase {
  /** Case and statistic, such as `1 kHz p99`. */
  readonly name: string;
  readonly unit: string;
  /** Which direction is good; rates are `higher`. */
  readonly better: 'lower' | 'higher';
  /** Kept when every one that is stated holds. A row without limits is information. */
  readonly limit?: {
    /** Largest ratio against the peer. */
    readonly ratio?: number;
    /** Largest and smallest median of ours. */
    readonly max?: number;
    readonly min?: number;
  };
}

/** One value per case name. */
export type Measured = Readonly<Record<string, number>>;

export type Peer =
  | { readonly name: string; readonly run: (repeat: number) => Promise<Measured> }
  /** The peer is not on this machine: why, and a named floor to compare with. */
  | { readonly absent: string; readonly floor: { readonly name: string; readonly values: Measured } }
  | null;

export interface Comparison {
  readonly bench: string;
  readonly cases: readonly BenchCase[];
  readonly ours: (repeat: number) => Promise<Measured>;
  readonly peer: Peer;
  /** Discarded runs of each before the first repeat. Default 1. */
  readonly warmup?: number;
}

/**
 * Runs ours and peer by turns, never both at once, the order swapped on every other repeat so that drift of the
 * machine hits both alike.
 */
export async function compare(context: BenchContext, comparison: Comparison): Promise<BenchResult> {
  const { bench, cases, ours, peer } = comparison;
  const oursRuns: Measured[] = [];
  const peerRuns: Measured[] = [];
  const runPeer = peer !== null && 'run' in peer ? peer.run : null;
  for (let i = 0; i < (comparison.warmup ?? 1); i++) {
    context.log(`${bench}: warm-up`);
    await ours(-1);
    if (runPeer !== null) await runPeer(-1);
  }
  for (let i = 0; i < Math.max(5, context.repeats); i++) {
    const first = i % 2 === 0;
    if (first) oursRuns.push(await ours(i));
    if (runPeer !== null) peerRuns.push(await runPeer(i));
    if (!first) oursRuns.push(await ours(i));
    context.log(`${bench}: repeat ${i + 1} of ${Math.max(5, context.repeats)}`);
  }
  const rows = cases.map((c) => benchRow(c, oursRuns, peerRuns, peer));
  const result = {
    bench,
    machine: machine(),
    rows,
    pass: rows.length > 0 && rows.every((r, i) => keeps(cases[i]!, r)),
  };
  limitsOf.set(result, cases);
  return result;
}

/** Several comparisons (with peers of their own) as one bench: passes when all of them pass. */
export function combine(bench: string, parts: readonly BenchResult[]): BenchResult {
  const rows = parts.flatMap((p) => p.rows);
  const result = { bench, machine: machine(), rows, pass: parts.length > 0 && parts.every((p) => p.pass) };
  limitsOf.set(
    result,
    parts.flatMap(
      (p) => limitsOf.get(p) ?? p.rows.map((r) => ({ name: r.case, unit: r.unit, better: 'lower' as const })),
    ),
  );
  return result;
}

/** The limits belong to the table for people and are not part of the result's fixed form. */
const limitsOf = new WeakMap<BenchResult, readonly BenchCase[]>();

function benchRow(c: BenchCase, ours: readonly Measured[], peers: readonly Measured[], peer: Peer): BenchRow {
  const values = ours
    .map((m) => m[c.name] ?? Number.NaN)
    .sort((a, b) => (c.better === 'lower' ? a - b : b - a));
  const own = median(values);
  let name = 'none';
  let peerMedian: number | null = null;
  if (peer !== null && 'run' in peer) {
    const theirs = peers.map((m) => m[c.name]).filter((v) => v !== undefined);
    if (theirs.length > 0) {
      name = peer.name;
      peerMedian = median(theirs.sort((a, b) => a - b));
    }
  } else if (peer !== null) {
    const floor = peer.floor.values[c.name];
    if (floor !== undefined) {
      name = `absent (${peer.absent}); floor: ${peer.floor.name}`;
      peerMedian = floor;
    }
  }
  const ratio = peerMedian === null ? null : c.better === 'lower' ? own / peerMedian : peerMedian / own;
  // `values` runs from good to bad, so the bad tail is at its end for both directions.
  return {
    case: c.name,
    unit: c.unit,
    median: own,
    p99: quantile(values, 0.99),
    worst: values.some(Number.isNaN) ? Number.NaN : values.at(-1)!,
    peer: name,
    peerMedian,
    ratio,
  };
}

/** Whether a row keeps the limits of its case. A limit on a ratio that could not be formed is not kept. */
export function keeps(c: BenchCase, row: BenchRow): boolean {
  if (!Number.isFinite(row.median)) return false;
  const { ratio, max, min } = c.limit ?? {};
  if (ratio !== undefined && !(row.ratio !== null && row.ratio <= ratio)) return false;
  if (max !== undefined && !(row.median <= max)) return false;
  return min === undefined || row.median >= min;
}

/** Median of values in any monotone order. */
export function median(sorted: readonly number[]): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Nearest-rank quantile of sorted values. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))]!;
}

/** The machine in one line, for every table of figures. */
export function machine(): string {
  const model = (cpus()[0]?.model ?? 'unknown CPU').replace(/\s+/g, ' ').trim();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${model}, ${availableParallelism()} cores, ${memory} GiB, ${type()} ${release()}, Node ${process.versions.node}`;
}

/** The result as a table with its limits and verdict. */
export function benchTable(result: BenchResult): string {
  const cases = limitsOf.get(result) ?? [];
  const header = ['case', 'unit', 'median', 'p99', 'worst', 'peer median', 'ratio', 'limit', '', 'peer'];
  const rows = result.rows.map((row, i) => {
    const c = cases[i];
    const verdict = c?.limit === undefined ? '' : keeps(c, row) ? 'ok' : 'FAILS';
    const numbers = [row.median, row.p99, row.worst, row.peerMedian, row.ratio].map(show);
    return [row.case, row.unit, ...numbers, showLimit(c), verdict, row.peer];
  });
  const widths = header.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i >= 2 && i <= 6 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const body = [line(header), ...rows.map(line)].join('\n');
  return `bench ${result.bench} on ${result.machine}\n\n${body}\n\n${result.pass ? 'pass' : 'FAIL'}`;
}

function showLimit(c: BenchCase | undefined): string {
  const { ratio, max, min } = c?.limit ?? {};
  const parts = [
    ratio === undefined ? '' : `ratio ≤ ${ratio}`,
    max === undefined ? '' : `≤ ${max}`,
    min === undefined ? '' : `≥ ${min}`,
  ];
  return parts.filter((p) => p !== '').join(', ');
}

function show(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–';
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
