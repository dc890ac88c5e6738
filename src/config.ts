/**
 * Robot files: read, fill in defaults, check, resolve to a RobotSpec. Every error names file, path, value and rule.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Value from 'typebox/value';
import { resolveInput } from './config-input.ts';
import { resolveLeader } from './config-leader.ts';
import { type CameraFile, type RobotFile, robotFileSchema } from './config-schema.ts';
import { ArmloopError } from './errors.ts';
import { type SchemaProblem, schemaProblem, showValue } from './robot/schema-problem.ts';
import type { AxisSpec, CameraEntry, DeviceEntry, RobotSpec } from './robot/spec.ts';
import { parseYaml } from './yaml.ts';

/** Reads and resolves a robot file. Throws CONFIG_UNREADABLE, CONFIG_SYNTAX, CONFIG_INVALID. */
export function loadRobot(file: string): RobotSpec {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ArmloopError('CONFIG_UNREADABLE', { file, reason }, { cause: error });
  }
  return robotFromText(text, file);
}

/**
 * The same from text: for a robot file kept inside an episode. `file` is where it stood; paths in it are relative
 * to that. Throws CONFIG_SYNTAX, CONFIG_INVALID.
 */
export function robotFromText(text: string, file: string): RobotSpec {
  const parsed = parseYaml(text);
  if ('reason' in parsed) {
    const { line, reason, cause } = parsed;
    throw new ArmloopError('CONFIG_SYNTAX', { file, line, reason }, { cause });
  }
  const filled = Value.Default(robotFileSchema, parsed.value);
  const problem = schemaProblem(robotFileSchema, filled);
  if (problem !== null) throw invalid(file, problem);
  return resolveRobot(filled as RobotFile, text, file);
}

function invalid(file: string, problem: SchemaProblem): ArmloopError {
  return new ArmloopError('CONFIG_INVALID', { file, ...problem });
}

function resolveRobot(robot: RobotFile, text: string, file: string): RobotSpec {
  const refuse = (path: string, value: unknown, rule: string): never => {
    throw invalid(file, { path, value: showValue(value), rule });
  };
  const unique = (path: string, entries: readonly { readonly name: string }[]): void => {
    entries.forEach((entry, i) => {
      const first = entries.findIndex((e) => e.name === entry.name);
      if (first !== i) refuse(`${path}[${i}].name`, entry.name, `${path}[${first}] already has that name`);
    });
  };
  unique('axes', robot.axes);
  unique('devices', robot.devices);
  unique('cameras', robot.cameras);
  unique('outputs', robot.outputs);
  const devices = resolveDevices(robot, refuse);
  const axes = resolveAxes(robot, devices, refuse);
  const simulated = devices.some((d) => d.kind === 'sim');
  const sim =
    robot.sim ?? (simulated ? { task: 'reach', seed: 1, timestep: 0.001, vary: 'none' as const } : null);
  if (sim !== null) {
    const steps = 1 / (robot.loop.rateHz * sim.timestep);
    if (steps < 0.999 || Math.abs(steps - Math.round(steps)) > 1e-6) {
      const rule = `the loop period (1 / ${robot.loop.rateHz} s) must be a whole number of physics steps`;
      refuse('sim.timestep', sim.timestep, rule);
    }
  }
  const cameras = robot.cameras.map((camera, i) => {
    if (camera.kind === 'sim' && !simulated) {
      refuse(
        `cameras[${i}].kind`,
        camera.kind,
        'no device of this rig is of kind sim, whose scene it would render',
      );
    }
    return resolveCamera(camera, `cameras[${i}]`, refuse);
  });
  for (const k of [0, 1, 2] as const) {
    if (robot.workspace.min[k] >= robot.workspace.max[k]) {
      refuse(
        `workspace.min[${k}]`,
        robot.workspace.min[k],
        `it must be below workspace.max[${k}] = ${robot.workspace.max[k]}`,
      );
    }
  }
  const limits = {
    ...robot.limits,
    stateAgeMs: robot.limits.stateAgeMs ?? (simulated ? 100 : 20),
    missedMs: robot.limits.missedMs ?? (simulated ? 100 : 20),
  };
  const periodMs = 1000 / robot.loop.rateHz;
  for (const key of ['stateAgeMs', 'missedMs', 'watchdogMs', 'deadmanMs'] as const) {
    if (limits[key] < 2 * periodMs) {
      refuse(`limits.${key}`, limits[key], `it must be at least two loop periods (${2 * periodMs} ms)`);
    }
  }
  if (robot.recording.jointStateHz > robot.loop.rateHz) {
    const rule = `it must not exceed loop.rateHz = ${robot.loop.rateHz}`;
    refuse('recording.jointStateHz', robot.recording.jointStateHz, rule);
  }
  const absolute = resolve(file);
  const prismatic = axes.findIndex((a) => a.type === 'prismatic');
  const leader =
    robot.leader === undefined
      ? null
      : resolveLeader(robot.leader, { axes, folder: dirname(absolute) }, refuse);
  return {
    id: robot.id,
    description: robot.description,
    model: { file: resolve(dirname(absolute), robot.model.file), tool: robot.model.tool },
    axes,
    armAxes: prismatic < 0 ? axes.length : prismatic,
    gripperAxis: prismatic,
    devices,
    cameras,
    leader,
    outputs: robot.outputs,
    input: robot.input === undefined ? null : resolveInput(robot.input, refuse),
    loop: robot.loop,
    limits,
    workspace: robot.workspace,
    teleop: robot.teleop,
    recording: robot.recording,
    shutdown: robot.shutdown,
    sim,
    source: { file: absolute, text, sha256: createHash('sha256').update(text).digest('hex') },
  };
}

export type Refuse = (path: string, value: unknown, rule: string) => never;

function resolveDevices(robot: RobotFile, refuse: Refuse): DeviceEntry[] {
  const names = robot.axes.map((a) => a.name);
  const driver = new Map<string, string>();
  const devices = robot.devices.map((device, i): DeviceEntry => {
    const driven = device.axes ?? (robot.devices.length === 1 ? names : null);
    if (driven === null)
      return refuse(`devices[${i}].axes`, undefined, 'it is needed in a rig of several devices');
    driven.forEach((axis, k) => {
      const path = `devices[${i}].axes[${k}]`;
      if (!names.includes(axis)) refuse(path, axis, `it must name one of the axes: ${names.join(', ')}`);
      const other = driver.get(axis);
      if (other !== undefined) refuse(path, axis, `the device ${other} drives that axis already`);
      driver.set(axis, device.name);
    });
    const { name, kind, options, calibration } = device;
    return { name, kind, axes: driven, options, ...(calibration === 'none' ? { calibration } : {}) };
  });
  names.forEach((axis, i) => {
    if (!driver.has(axis)) refuse(`axes[${i}].name`, axis, 'no device drives that axis');
  });
  return devices;
}

function resolveAxes(robot: RobotFile, devices: readonly DeviceEntry[], refuse: Refuse): AxisSpec[] {
  const owner = new Map<string, string>();
  const axes = robot.axes.map((axis, i): AxisSpec => {
    const path = `axes[${i}]`;
    if (axis.min >= axis.max) refuse(`${path}.min`, axis.min, `it must be below max = ${axis.max}`);
    if (axis.home < axis.min || axis.home > axis.max) {
      refuse(`${path}.home`, axis.home, `it must lie within the limits ${axis.min} .. ${axis.max}`);
    }
    if (axis.type === 'prismatic') {
      if (i !== robot.axes.length - 1)
        refuse(`${path}.type`, axis.type, 'only the last axis, the gripper, may be prismatic');
      if (axis.min < 0) refuse(`${path}.min`, axis.min, 'the opening of a gripper cannot be negative');
    }
    const joints = axis.joints ?? [{ name: axis.name, ratio: 1 }];
    joints.forEach((joint, k) => {
      const at = axis.joints === undefined ? `${path}.name` : `${path}.joints[${k}].name`;
      const other = owner.get(joint.name);
      if (other !== undefined) refuse(at, joint.name, `that model joint follows the axis ${other} already`);
      owner.set(joint.name, axis.name);
      if (joint.ratio === 0)
        refuse(`${path}.joints[${k}].ratio`, 0, 'a joint that follows an axis cannot have the ratio 0');
    });
    const device = devices.find((d) => d.axes.includes(axis.name))!.name;
    return { ...axis, joints, device };
  });
  if (axes[0]!.type === 'prismatic')
    refuse('axes', `[${axes[0]!.name}]`, 'at least one arm axis must come before the gripper');
  return axes;
}

type Vec3 = readonly [number, number, number];

function resolveCamera(camera: CameraFile, path: string, refuse: Refuse): CameraEntry {
  const { orientation: _, lookAt: __, up: ___, ...rest } = camera;
  const { position } = rest;
  if (camera.orientation !== undefined) {
    if (camera.lookAt !== undefined || camera.up !== undefined) {
      refuse(
        `${path}.orientation`,
        camera.orientation,
        'lookAt and up say the same thing: give one or the other',
      );
    }
    const norm = Math.hypot(...camera.orientation);
    if (Math.abs(norm - 1) > 1e-3) {
      refuse(
        `${path}.orientation`,
        camera.orientation,
        `it must be a unit quaternion; its length is ${norm}`,
      );
    }
    const [x, y, z, w] = camera.orientation;
    return { ...rest, orientation: [x / norm, y / norm, z / norm, w / norm] };
  }
  if (camera.lookAt === undefined) {
    return refuse(`${path}.lookAt`, undefined, 'lookAt or orientation must say where the camera looks');
  }
  const back = subtract(position, camera.lookAt);
  if (length(back) < 1e-6) refuse(`${path}.lookAt`, camera.lookAt, 'it must differ from position');
  const up: Vec3 = camera.up ?? [0, 0, 1];
  if (length(up) < 1e-6) refuse(`${path}.up`, up, 'a direction cannot be all zeros');
  const zAxis = unit(back);
  const right = cross(unit(up), zAxis);
  if (length(right) < 1e-6) refuse(`${path}.up`, up, 'it must not be parallel to the line of sight');
  const xAxis = unit(right);
  return { ...rest, orientation: quaternionOfAxes(xAxis, cross(zAxis, xAxis), zAxis) };
}

const subtract = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const length = (a: Vec3): number => Math.hypot(a[0], a[1], a[2]);
const unit = (a: Vec3): Vec3 => [a[0] / length(a), a[1] / length(a), a[2] / length(a)];
const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/**
 * Quaternion x, y, z, w of the rotation whose columns are x, y, z, with w ≥ 0 where it is not 0. The largest component
 * is computed first, so that no small number is divided by (Shepperd, J. Guidance and Control 1(3), 1978).
 */
function quaternionOfAxes(x: Vec3, y: Vec3, z: Vec3): [number, number, number, number] {
  const trace = x[0] + y[1] + z[2];
  let q: [number, number, number, number];
  if (trace >= x[0] && trace >= y[1] && trace >= z[2]) {
    q = [y[2] - z[1], z[0] - x[2], x[1] - y[0], 1 + trace];
  } else if (x[0] >= y[1] && x[0] >= z[2]) {
    q = [1 + x[0] - y[1] - z[2], x[1] + y[0], z[0] + x[2], y[2] - z[1]];
  } else if (y[1] >= z[2]) {
    q = [x[1] + y[0], 1 + y[1] - x[0] - z[2], y[2] + z[1], z[0] - x[2]];
  } else {
    q = [z[0] + x[2], y[2] + z[1], 1 + z[2] - x[0] - y[1], x[1] - y[0]];
  }
  const scale = (q[3] < 0 ? -1 : 1) / Math.hypot(...q);
  return [q[0] * scale, q[1] * scale, q[2] * scale, q[3] * scale];
}
