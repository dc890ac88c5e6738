/** A robot's calibration as text for people: `armloop check` and `armloop calibrate` print it. */
import type { RobotCalibration } from '../calibrate/robot.ts';
import type { Entry } from '../calibrate/schema.ts';
import type { AxisState, CalibrationStatus } from '../robot/calibration-state.ts';
import { formatNumber, table } from './common.ts';

const MARKS: Readonly<Record<CalibrationStatus, string>> = {
  unneeded: '–',
  file: '–',
  emulated: '–',
  missing: '✘',
  stale: '✘',
  fits: '✔',
};

/** Files in force with their hashes, then each device. */
export function describeCalibration(calibration: RobotCalibration): string {
  const { stored, store, devices, inForce, leader, robot } = calibration;
  const files = Object.values(stored).map(({ file, sha256, path }) => [
    `${file.kind} version ${file.version}`,
    file.written.slice(0, 10),
    sha256.slice(0, 16),
    path,
  ]);
  return [
    `calibration  ${store.folder}${files.length === 0 ? ' (nothing yet)' : ''}`,
    ...(files.length === 0 ? [] : [table(['file', 'written', 'sha256', 'path'], files)]),
    `in episodes  ${inForce === null ? 'none' : inForce.sha256}`,
    ...devices.map(({ device, status, words, notes }) =>
      [`${MARKS[status]} ${device}: ${words}`, ...notes.map((n) => `  ${n}`)].join('\n'),
    ),
    ...(leader.status === 'none'
      ? []
      : [`${leader.status === 'fits' ? '✔' : '–'} ${robot.leader!.name}: ${leader.words}`]),
  ].join('\n');
}

/** What was measured of some axes. */
export function describeAxes(axes: readonly AxisState[]): string {
  const number = (value: number | null): string => (value === null ? '–' : formatNumber(value));
  const header = ['axis', 'zero', 'at', 'direction', 'reach', 'residual', 'unit', 'measured'];
  const rows = axes.map((a) => [
    a.axis,
    number(a.zero),
    number(a.at),
    number(a.direction),
    a.low === null && a.high === null ? 'not measured' : `${number(a.low)} .. ${number(a.high)}`,
    number(a.residual),
    a.unit,
    a.date?.slice(0, 10) ?? '–',
  ]);
  return table(header, rows);
}

/** Entries as they are written. */
export function describeEntries(entries: readonly Entry[]): string {
  const rows = entries.map(({ axis, quantity, value, unit, residual, method }) => [
    axis,
    quantity,
    formatNumber(value),
    unit,
    residual === null ? '–' : formatNumber(residual),
    method,
  ]);
  return table(['axis', 'quantity', 'value', 'unit', 'residual', 'method'], rows);
}
