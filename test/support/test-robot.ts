/**
 * Robot files for tests with real processes: the shipped ones, made light and patient, so that a machine under load
 * starves nothing that a test is not about.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { packageRoot } from '../../src/root.ts';

interface RobotYaml {
  id: string;
  model: { file: string };
  cameras?: unknown[];
  [key: string]: unknown;
}

/** Writes `<folder>/robot.yaml` made from a shipped one with `changes` on top; its path. */
export function testRobot(
  folder: string,
  changes: Readonly<Record<string, unknown>> = {},
  from: 'panda-sim' | 'panda-mock' | 'panda-mock-robotiq' | 'panda-ros2' | 'dynamixel7' = 'panda-sim',
): string {
  const shipped = join(packageRoot(), 'robots', `${from}.yaml`);
  const robot = parse(readFileSync(shipped, 'utf8')) as RobotYaml;
  robot.model.file = resolve(packageRoot(), 'robots', robot.model.file);
  robot.cameras = (robot.cameras ?? [])
    .slice(0, 1)
    .map((c) => ({ ...(c as object), width: 96, height: 72, fps: 5 }));
  Object.assign(robot, {
    loop: { rateHz: 250 },
    limits: { stateAgeMs: 2000, missedMs: 2000, watchdogMs: 2000, deadmanMs: 1500 },
    ...changes,
  });
  const file = join(folder, 'robot.yaml');
  writeFileSync(file, stringify(robot));
  return file;
}
