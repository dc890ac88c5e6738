/** The settings of one device, camera, output, leader or input, checked by its driver with a schema of its own. */
import type { Static, TSchema } from 'typebox';
import Value from 'typebox/value';
import { ArmloopError } from '../errors.ts';
import { schemaProblem } from './schema-problem.ts';
import type { DeviceEntry, InputEntry, LeaderEntry, RobotSpec } from './spec.ts';

/**
 * `options` of a device entry with the schema's defaults filled in. Throws CONFIG_INVALID that names file, path
 * (`devices[0].options.port`), value and rule.
 */
export function deviceOptions<S extends TSchema>(schema: S, robot: RobotSpec, entry: DeviceEntry): Static<S> {
  return entryOptions(schema, robot, 'devices', entry);
}

type Named = Pick<DeviceEntry, 'name' | 'options'>;
type Listed = 'devices' | 'cameras' | 'outputs';

/** The same for an entry of any of the lists whose kinds are drivers. */
export function entryOptions<S extends TSchema>(
  schema: S,
  robot: RobotSpec,
  list: Listed,
  entry: Named,
): Static<S> {
  return checked(schema, robot, entry.options, optionPath(robot, list, entry));
}

/** `devices[0].options`: for errors about what the schema alone cannot say. */
export function optionPath(robot: RobotSpec, list: Listed, { name }: Named): string {
  return `${list}[${robot[list].findIndex((e) => e.name === name)}].options`;
}

/** The same for a leader (`leader.options.port`). */
export function leaderOptions<S extends TSchema>(schema: S, robot: RobotSpec, entry: LeaderEntry): Static<S> {
  return checked(schema, robot, entry.options, 'leader.options');
}

/** The same for an input (`input.options.deadZone`). */
export function inputOptions<S extends TSchema>(schema: S, robot: RobotSpec, entry: InputEntry): Static<S> {
  return checked(schema, robot, entry.options, 'input.options');
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
