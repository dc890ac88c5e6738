/** Whether what was measured still fits the robot file, and what of it a device gets. Pure: files and date come in. */
import { createHash } from 'node:crypto';
import type { CalibrationAxis } from '../robot/calibration.ts';
import type { AxisCalibration, AxisState, DeviceState } from '../robot/calibration-state.ts';
import type { AxisSpec, DeviceEntry, RobotSpec } from '../robot/spec.ts';
import type { CalibrationKind, Entry, Quantity } from './schema.ts';
import type { StoredCalibrations } from './store.ts';

/** What an axis may reach less than its limits: rounding, and a hand that does not press. */
export const RANGE_SLACK = { rad: 0.05, m: 0.003 } as const;

const DAY_MS = 86_400_000;

export const unitOf = ({ type }: Pick<AxisSpec, 'type'>): 'rad' | 'm' => (type === 'prismatic' ? 'm' : 'rad');
/** The kind of file that an axis is measured into. */
export const kindOf = ({ type }: Pick<AxisSpec, 'type'>): CalibrationKind =>
  type === 'prismatic' ? 'gripper' : 'joints';

export interface JudgeInput {
  readonly robot: RobotSpec;
  readonly entry: DeviceEntry;
  /** What the driver says of its axes; null for kinds that cannot be calibrated. */
  readonly parts: readonly CalibrationAxis[] | null;
  readonly stored: StoredCalibrations;
  readonly hardware: 'real' | 'emulated';
  readonly date: Date;
}

export function judge({ robot, entry, parts, stored, hardware, date }: JudgeInput): DeviceState {
  const nothing = { device: entry.name, kind: entry.kind, notes: [], axes: [], calibration: null };
  if (parts === null) return { ...nothing, status: 'unneeded', words: 'has no zeros to measure' };
  if (entry.calibration === 'none') {
    return { ...nothing, status: 'file', words: 'zeros are those of the robot file (calibration: none)' };
  }
  const axes = parts.map((part) =>
    axisState(robot.axes.find((a) => a.name === part.name)!, part, entry, stored, date),
  );
  const missing = axes.filter((a) => a.zero === null);
  const wrong = axes.filter((a) => a.problem !== '');
  const at = { ...nothing, axes };
  if (missing.length === 0 && wrong.length === 0) {
    const calibration = Object.fromEntries(axes.map((a) => [a.axis, calibrationOf(a)]));
    const oldest = Math.max(...axes.map((a) => a.ageDays!));
    const days = robot.limits.calibrationDays;
    const old = `calibrated ${Math.floor(oldest)} days ago, longer than limits.calibrationDays (${days}): measure again, or raise it`;
    const words = `calibrated ${sinceWords(oldest)}`;
    return { ...at, status: 'fits', words, notes: oldest > days ? [old] : [], calibration };
  }
  const stale = wrong.length > 0;
  const why = stale
    ? wrong.map((a) => `${a.axis}: ${a.problem}`).join('; ')
    : `nothing was measured of ${missing.map((a) => a.axis).join(', ')}`;
  if (hardware === 'real') return { ...at, status: stale ? 'stale' : 'missing', words: why };
  return { ...at, status: 'emulated', words: `emulated servos are mounted as the robot file says (${why})` };
}

function axisState(
  axis: AxisSpec,
  part: CalibrationAxis,
  { name: device }: DeviceEntry,
  stored: StoredCalibrations,
  date: Date,
): AxisState {
  const unit = unitOf(axis);
  const entries = (stored[kindOf(axis)]?.file.entries ?? []).filter(
    (e) => e.device === device && e.axis === axis.name,
  );
  const value = (quantity: Quantity): number | null =>
    entries.find((e) => e.quantity === quantity)?.value ?? null;
  const [zero, at, direction] = [value('zero'), value('at'), value('direction')];
  const [low, high] = [value('low'), value('high')];
  const oldest = entries.map((e) => e.date).sort()[0] ?? null;
  const residuals = entries.flatMap((e) =>
    e.residual !== null && e.residualUnit === unit ? [e.residual] : [],
  );
  const whole = zero !== null && at !== null && direction !== null;
  return {
    axis: axis.name,
    unit,
    zero: whole ? zero : null,
    at,
    direction,
    scale: value('scale'),
    origin: value('origin'),
    residual: residuals.length === 0 ? null : Math.max(...residuals),
    low,
    high,
    date: oldest,
    ageDays: oldest === null ? null : Math.max(0, (date.getTime() - Date.parse(oldest)) / DAY_MS),
    problem: problemOf(axis, part, entries, low, high),
  };
}

function problemOf(
  axis: AxisSpec,
  { part }: CalibrationAxis,
  entries: readonly Entry[],
  low: number | null,
  high: number | null,
): string {
  const other = entries.find((e) => e.part !== part);
  if (other !== undefined) return `measured of ${other.part}, and the robot file has ${part} now`;
  return rangeProblem(axis, low, high);
}

/** Limits that the axis cannot reach, in words; '' when it can, or when nothing is known of its ends. */
export function rangeProblem(axis: AxisSpec, low: number | null, high: number | null): string {
  const unit = unitOf(axis);
  const slack = RANGE_SLACK[unit];
  if ((low === null || low <= axis.min + slack) && (high === null || high >= axis.max - slack)) return '';
  const end = (value: number | null): string => (value === null ? 'unknown' : value.toFixed(3));
  return `it was measured to reach ${end(low)} to ${end(high)} ${unit}, less than its limits ${axis.min} to ${axis.max}`;
}

function calibrationOf(a: AxisState): AxisCalibration {
  return {
    zero: a.zero!,
    at: a.at!,
    direction: a.direction === 1 ? 1 : -1,
    ...(a.scale === null ? {} : { scale: a.scale }),
    ...(a.origin === null ? {} : { origin: a.origin }),
  };
}

/** `today`, `3 days ago`. */
export function sinceWords(days: number): string {
  const whole = Math.floor(days);
  return whole === 0 ? 'today' : whole === 1 ? 'a day ago' : `${whole} days ago`;
}

/** What of the files is in force (`more`: beside those of devices), for an episode: their texts and one hash over them; null when there is none. */
export function inForce(
  devices: readonly DeviceState[],
  stored: StoredCalibrations,
  robot: RobotSpec,
  more: readonly CalibrationKind[] = [],
): { readonly sha256: string; readonly files: readonly string[] } | null {
  const measured = devices.filter((d) => d.calibration !== null).flatMap((d) => d.axes);
  const kinds = new Set([
    ...measured.map((a) => kindOf(robot.axes.find((x) => x.name === a.axis)!)),
    ...more,
  ]);
  const used = [...kinds].sort().flatMap((kind) => {
    const file = stored[kind];
    return file === undefined ? [] : [`${kind} version ${file.file.version} ${file.sha256}`];
  });
  if (used.length === 0) return null;
  return { sha256: createHash('sha256').update(used.join('\n')).digest('hex'), files: used };
}
