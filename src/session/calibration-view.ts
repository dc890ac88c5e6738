/** What pages are told about calibration. */
import { AXIS_TYPES } from '../calibrate/choose.ts';
import { alignedJoints } from '../calibrate/leader.ts';
import type { CalibrationView } from '../server/calibration-protocol.ts';
import type { SessionHost } from './host.ts';
import type { LeaderFlow } from './leader.ts';
import type { Walk } from './walk.ts';

const PROCEDURES = ['ids', 'joints', 'gripper'] as const;

export function calibrationView(
  { calibration: host }: Pick<SessionHost, 'calibration'>,
  leader: LeaderFlow | null,
  walk: Walk | null,
): CalibrationView {
  const { calibration, raw } = host;
  const { barred, inForce, stored, hardware, robot } = calibration;
  return {
    hardware,
    barred: barred?.message ?? '',
    sha256: inForce?.sha256 ?? null,
    files: Object.values(stored).map(({ file: { kind, version, written }, sha256 }) => ({
      kind,
      version,
      written,
      sha256,
    })),
    devices: calibration.devices.map(({ calibration: _, ...device }) => {
      const measurable = calibration.measurable.includes(device.device);
      const reading = measurable ? raw(device.device) : null;
      const types = robot.axes.filter((a) => a.device === device.device).map((a) => a.type);
      return {
        ...device,
        procedures: measurable
          ? PROCEDURES.filter((w) => AXIS_TYPES[w] === null || types.includes(AXIS_TYPES[w]))
          : [],
        away: host.away(device.device),
        raw: reading === null ? null : [...reading.raw],
        torque: reading?.torque ?? null,
      };
    }),
    leader: leaderView(host, leader),
    procedure: procedureView(walk),
  };
}

function leaderView(
  { calibration }: SessionHost['calibration'],
  leader: LeaderFlow | null,
): CalibrationView['leader'] {
  const { robot, stored } = calibration;
  const { status, words } = calibration.leader;
  if (status === 'none' || robot.leader === null) return null;
  const now = leader?.reading ?? null;
  const joints = alignedJoints(robot.leader, stored).map((joint, i) => ({ ...joint, now: now?.[i] ?? null }));
  return { name: robot.leader.name, status, words, heard: now === null ? 'no' : 'yes', joints };
}

function procedureView(walk: Walk | null): CalibrationView['procedure'] {
  const step = walk?.step ?? null;
  if (walk === null || step === null) return null;
  const { name, what, at, of, doing, said, hand } = walk;
  const { words, skippable, axes } = step;
  return { device: name, what, at, of, words, skippable, axes, doing, said, hand: hand !== null };
}
