/** Robot files with a leader: shipped ones with a section added, as docs/leaders.md says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { robotFromText } from '../../src/config.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { packageRoot } from '../../src/root.ts';

const XL330 = { model: 'xl330-m288' };

/** Seven joints, a trigger and three levers; joint 2 counts the other way, joint 4 is put together a quarter turn off. */
export const LEADER = {
  name: 'ada',
  kind: 'dynamixel',
  options: {
    port: 'auto',
    baud: 1_000_000,
    rateHz: 100,
    patienceMs: 150,
    misses: 6,
    servos: [1, 2, 3, 4, 5, 6, 7].map((id) => ({
      ...XL330,
      id,
      zero: id === 4 ? 1024 : 2048,
      direction: id === 2 ? -1 : 1,
    })),
    trigger: { ...XL330, id: 8, released: 2219, squeezed: 1729 },
    levers: [9, 10, 11].map((id) => ({ ...XL330, id, released: 2048, pressed: 2400 })),
  },
  trigger: {},
  buttons: [
    { button: 0, does: 'record' },
    { button: 1, does: 'success' },
    { button: 2, does: 'intervene' },
  ],
};

type Changes = Readonly<Record<string, unknown>>;

const SERVOS = ['dynamixel', 'feetech'];
/** Answers of the arm may be this late: for tests that a busy machine must not stop. */
const PATIENT = { patienceMs: 150, misses: 20 };

function text(from: string, leader: Changes, changes: Changes, options: Changes = {}): string {
  const shipped = join(packageRoot(), 'robots', `${from}.yaml`);
  const robot = parse(readFileSync(shipped, 'utf8')) as {
    model: { file: string };
    devices: { kind: string; options?: object }[];
    leader?: { options: object };
  };
  for (const device of robot.devices)
    if (SERVOS.includes(device.kind)) device.options = { ...device.options, ...PATIENT };
  robot.model.file = resolve(packageRoot(), 'robots', robot.model.file);
  const own = robot.leader;
  const named = own === undefined ? LEADER : { ...own, options: { ...own.options, ...PATIENT, ...options } };
  return stringify({ ...robot, leader: { ...named, ...leader }, ...changes });
}

/** The shipped robot with that leader. */
export function withLeader(leader: Changes = {}, changes: Changes = {}, from = 'dynamixel7'): RobotSpec {
  return robotFromText(text(from, leader, changes), join(packageRoot(), 'robots', 'with-leader.yaml'));
}

/** The same as a file in a folder; its path. `options` are added to those of a leader that the shipped file has. */
export function leaderFile(
  folder: string,
  leader: Changes = {},
  changes: Changes = {},
  from = 'dynamixel7',
  options: Changes = {},
): string {
  const file = join(folder, 'robot.yaml');
  writeFileSync(file, text(from, leader, changes, options));
  return file;
}
