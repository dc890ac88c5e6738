/** `armloop check`: what a robot file means, with every default filled in. */
import type { Command } from 'commander';
import type { InputEntry, LeaderEntry, RobotSpec } from '../robot/spec.ts';
import { describeCalibration } from './calibration-text.ts';
import {
  examples,
  formatNumber,
  jsonOption,
  print,
  printJson,
  robotFile,
  table,
  workspaceOption,
} from './common.ts';

export function addCheck(program: Command): void {
  const command = program
    .command('check')
    .description('check a robot file and print the resolved rig')
    .argument('[file]', 'robot file, or the name of a shipped one', 'panda-sim')
    .addOption(jsonOption())
    .addOption(workspaceOption())
    .action(async (file: string, options: { json?: true; workspace: string }) => {
      const { loadRobot } = await import('../config.ts');
      const { openCalibration } = await import('../rig/calibration.ts');
      const spec = loadRobot(robotFile(file));
      const calibration = await openCalibration(spec, options.workspace);
      const { inForce, devices } = calibration;
      if (options.json) {
        const source = { file: spec.source.file, sha256: spec.source.sha256 };
        printJson({ ...spec, source, calibration: { sha256: inForce?.sha256 ?? null, devices } });
      } else print(`${describeRig(spec)}\n\n${describeCalibration(calibration)}`);
    });
  examples(command, [
    ['armloop check robots/panda-sim.yaml', 'every axis, device, camera and limit'],
    ['armloop check panda-sim --json | jq .limits', 'the same for programs'],
  ]);
}

const list = (values: readonly number[]): string => `(${values.map(formatNumber).join(', ')})`;

/** The resolved rig as text for people. */
export function describeRig(spec: RobotSpec): string {
  const { limits, teleop, recording, sim } = spec;
  const axes = spec.axes.map((a, i) => {
    const unit = a.type === 'revolute' ? 'rad' : 'm';
    const role = i === spec.gripperAxis ? 'gripper' : 'arm';
    return [
      a.name,
      role,
      unit,
      a.min,
      a.max,
      a.velocity,
      a.acceleration,
      a.jerk,
      a.effort,
      a.home,
      a.kp,
      a.kd,
      a.device,
    ];
  });
  const header = 'axis role unit min max velocity accel jerk effort home kp kd device'.split(' ');
  const devices = spec.devices.map((d) => [d.name, d.kind, d.axes.join(' '), JSON.stringify(d.options)]);
  const cameras = spec.cameras.map((c) => [
    c.name,
    c.kind,
    `${c.width}×${c.height}`,
    c.fps,
    c.fovyDeg,
    c.frame,
    list(c.position),
    list(c.orientation),
  ]);
  const sections = [
    `${spec.id}: ${spec.description === '' ? '(no description)' : spec.description}`,
    `file       ${spec.source.file}\nsha256     ${spec.source.sha256}\nmodel      ${spec.model.file}, tool frame "${spec.model.tool}"`,
    table(header, axes),
    table(['device', 'kind', 'axes', 'options'], devices),
    ...(spec.leader === null ? [] : [leaderWords(spec.leader)]),
    ...(spec.input === null ? [] : [inputWords(spec.input)]),
    spec.cameras.length === 0
      ? 'no cameras'
      : table(
          ['camera', 'kind', 'size', 'fps', 'fovy °', 'frame', 'position m', 'orientation x y z w'],
          cameras,
        ),
    [
      `loop       ${formatNumber(spec.loop.rateHz)} Hz, ${spec.loop.fifoPriority === 0 ? 'SCHED_FIFO not asked for' : `SCHED_FIFO ${spec.loop.fifoPriority} asked for`}`,
      `limits     state age ${limits.stateAgeMs} ms, missed ${limits.missedMs} ms, deadman ${limits.deadmanMs} ms, device watchdog ${limits.watchdogMs} ms, start ramp ${limits.startRampMs} ms, resume within ${limits.resumeDistance} rad`,
      `workspace  ${list(spec.workspace.min)} .. ${list(spec.workspace.max)} m`,
      `teleop     ${teleop.linear} m/s, ${teleop.angular} rad/s, joints ${teleop.joint} rad/s, gripper ${teleop.gripper} m/s`,
      `recording  chunks of ${recording.chunkMs} ms, joint states ${recording.jointStateHz} Hz, scene ${recording.sceneHz} Hz; flags below ${recording.minRateRatio} of the rate, gaps above ${recording.maxGapMs} ms, ${recording.idleS} s idle`,
      sim === null
        ? 'sim        none'
        : `sim        task ${sim.task}, seed ${sim.seed}, step ${sim.timestep} s`,
    ].join('\n'),
  ];
  return sections.join('\n\n');
}

function inputWords({ name, kind, options, frame, speed, buttons }: InputEntry): string {
  const uses =
    buttons === null ? 'as its driver says' : buttons.map((b) => `${b.button} ${b.does}`).join(', ');
  return [
    `input      ${name} of kind ${kind}, in the frame of the ${frame}, at ${speed} of the teleop speeds`,
    `options    ${JSON.stringify(options)}`,
    `buttons    ${uses}`,
  ].join('\n');
}

function leaderWords(leader: LeaderEntry): string {
  const { name, kind, mapping, joints, trigger, buttons, tolerance, speed, rampMs, silenceMs } = leader;
  const rows = joints.map((j, i) => [i, j.axis, j.sign, j.scale, j.offset]);
  const lines = [
    `leader     ${name} of kind ${kind}, by ${mapping}; takes over within ${tolerance} rad, follows at ${speed} of full speed after ${rampMs} ms, lost after ${silenceMs} ms`,
    `trigger    ${trigger === null ? 'none' : `${trigger.released} .. ${trigger.squeezed} m, takes over within ${trigger.tolerance} m`}`,
    `buttons    ${buttons.length === 0 ? 'none' : buttons.map((b) => `${b.button} ${b.does}`).join(', ')}`,
  ];
  const head = lines.join('\n');
  return rows.length === 0 ? head : `${head}\n${table(['joint', 'axis', 'sign', 'scale', 'offset'], rows)}`;
}
