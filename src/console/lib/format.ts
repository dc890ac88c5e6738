/** Numbers as text. Widths are fixed with a sign column, so that nothing shifts while values change. */

/** Figure space: as wide as a digit where digits are tabular. */
const PAD = '\u2007';
const MINUS = '\u2212';
const THIN = '\u202f';

/** A number with a fixed count of decimals and a column for the sign. */
export function signed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return '–';
  const text = Math.abs(value).toFixed(decimals);
  const zero = Number(text) === 0;
  return (value < 0 && !zero ? MINUS : PAD) + text;
}

export function fixed(value: number, decimals: number, width = 0): string {
  const text = Number.isFinite(value) ? value.toFixed(decimals) : '–';
  return text.padStart(width, PAD);
}

/** Seconds as milliseconds or microseconds with a unit. */
export function shortTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const us = seconds * 1e6;
  if (Math.abs(us) < 999.5) return `${us.toFixed(0)} µs`;
  const ms = seconds * 1e3;
  if (Math.abs(ms) < 99.95) return `${ms.toFixed(1)} ms`;
  if (Math.abs(ms) < 9999.5) return `${ms.toFixed(0)} ms`;
  return `${seconds.toFixed(0)} s`;
}

/** Length of time as m:ss or m:ss.t. */
export function clock(seconds: number, decimals = 0): string {
  const s = Math.max(0, seconds);
  const scale = 10 ** decimals;
  const whole = Math.floor(s * scale) / scale;
  const minutes = Math.floor(whole / 60);
  const rest = (whole - minutes * 60).toFixed(decimals);
  return `${minutes}:${rest.padStart(decimals > 0 ? 3 + decimals : 2, '0')}`;
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(value < 9.95 ? 1 : 0)} ${units[unit]}`;
}

/** A whole number with its thousands apart. */
export function count(value: number): string {
  return Number.isFinite(value) ? value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, THIN) : '–';
}

/** Three significant digits, as short as they go. */
export function brief(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    return value.toExponential(1).replace('.0', '').replaceAll('-', MINUS).replace('e+', 'e');
  }
  return String(Number(value.toPrecision(3))).replace('-', MINUS);
}

/** Length of time in one or two units. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const s = Math.max(0, seconds);
  if (s < 59.5) return `${s.toFixed(0)} s`;
  const [whole, minutes] = [Math.round(s), Math.round(s / 60)];
  if (whole < 600)
    return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "1 episode", "2 episodes". */
export function plural(n: number, one: string): string {
  return `${count(n)} ${one}${n === 1 ? '' : 's'}`;
}

export function percent(share: number, decimals = 0): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(decimals)} %` : '–';
}

/** Local date and time, to the second. */
export function dateTime(secondsSince1970: number): string {
  const d = new Date(secondsSince1970 * 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** Roll, pitch, yaw in degrees of a quaternion x y z w, as rotations about fixed x, y, z in this order. */
export function rollPitchYaw(x: number, y: number, z: number, w: number): [number, number, number] {
  const deg = 180 / Math.PI;
  const roll = Math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y));
  const pitch = Math.asin(Math.max(-1, Math.min(1, 2 * (w * y - z * x))));
  const yaw = Math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z));
  return [roll * deg, pitch * deg, yaw * deg];
}
