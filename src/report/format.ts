/** Numbers as people read them, the same in every report. Never "NaN": what is not known is a dash. */
import type { Interval } from '../math/statistics.ts';

export const UNKNOWN = '–';

/** A rate 0..1 as whole per cent; one decimal where whole ones would say 0 or 100 of what is neither. */
export function percent(rate: number): string {
  if (!Number.isFinite(rate)) return UNKNOWN;
  const whole = Math.round(rate * 100);
  const exact = (whole !== 0 || rate === 0) && (whole !== 100 || rate === 1);
  return `${exact ? whole : (rate * 100).toFixed(1)} %`;
}

export function percentInterval({ low, high }: Interval): string {
  return `${(low * 100).toFixed(0)}–${(high * 100).toFixed(0)} %`;
}

/** `digits` significant digits, no trailing zeros. */
export function number(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return value === Infinity ? '∞' : UNKNOWN;
  if (Number.isInteger(value)) return value.toLocaleString('en-US').replaceAll(',', ' ');
  return String(Number(value.toPrecision(digits)));
}

export function seconds(value: number): string {
  if (!Number.isFinite(value)) return UNKNOWN;
  if (value >= 100) return duration(value);
  return `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

/** `1 h 04 min`, `3 min 05 s`, `12 s`. */
export function duration(value: number): string {
  if (!Number.isFinite(value)) return UNKNOWN;
  const s = Math.round(value);
  const two = (n: number): string => String(n).padStart(2, '0');
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  if (s >= 60) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  return `${s} s`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}
