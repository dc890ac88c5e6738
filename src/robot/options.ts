/** The settings of one device or leader, checked by its driver with a schema of its own. */
import type { Static, TSchema } from 'typebox';
import Value from 'typebox/value';
import { ArmloopError } from '../errors.ts';
import { schemaProblem } from './schema-problem.ts';
import type { DeviceEntry, LeaderEntry, RobotSpec } from './spec.ts';

/**
 * `options` of a device entry with the schema's defaults filled in. Throws CONFIG_INVALID that names file, path
 * (`devices[0].options.port`), value and rule.
 */
export function deviceOptions<S extends TSchema>(schema: S, robot: RobotSpec, entry: DeviceEntry): Static<S> {
  const at = `devices[${robot.devices.findIndex((d) => d.name === entry.name)}].options`;
  return checked(schema, robot, entry.options, at);
}

/** The same for a leader (`leader.options.port`). */
export function leaderOptions<S extends TSchema>(schema: S, robot: RobotSpec, entry: LeaderEntry): Static<S> {
  return checked(schema, robot, entry.options, 'leader.options');
}

function checked<S extends TSchema>(
  schema: S,
  robot: RobotSpec,
  options: DeviceEntry['options'],
  at: string,
): Static<S> {
  const filled = Value.Default(schema, structuredClone(options));
  const problem = schemaProblem(schema, filled);
  if (problem === null) return filled as Static<S>;
  const path = problem.path === '(top)' ? at : `${at}.${problem.path}`;
  throw new ArmloopError('CONFIG_INVALID', { ...problem, file: robot.source.file, path });
}
