/** The parts of a rig: which there are, how they are opened so that each finds what it needs of the others, and closed. */
import type { Logger } from 'pino';
import { LoopThread } from '../loop/realtime.ts';
import { codeFolder } from '../model/generated.ts';
import { Recorder } from '../record/recorder.ts';
import type { Now } from '../robot/device.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { packageVersion } from '../root.ts';
import type { Session } from '../session/session.ts';
import { CameraHub } from './camera-hub.ts';
import { DeviceRack } from './devices.ts';
import { InputSeat } from './input-seat.ts';
import { policyPlaces } from './kinds.ts';
import { LeaderSeat } from './leader-seat.ts';
import { Outputs } from './outputs.ts';
import { PlannerThread } from './planner-thread.ts';
import { PolicyThread } from './policy-thread.ts';
import type { RigSocket } from './socket.ts';
import { step } from './step.ts';
import { together } from './together.ts';

export interface RigParts {
  readonly now: Now;
  readonly socket: RigSocket;
  readonly rack: DeviceRack;
  readonly loop: LoopThread;
  readonly leader: LeaderSeat | null;
  readonly input: InputSeat | null;
  readonly cameras: CameraHub;
  readonly outputs: Outputs;
  readonly policies: PolicyThread;
  readonly planner: PlannerThread;
  readonly recorder: Recorder;
}

export interface PartOptions {
  readonly spec: RobotSpec;
  /** The robot as its file has it; `spec` has its leader as it was aligned. */
  readonly filed: RobotSpec;
  readonly workspace: string;
  readonly log: Logger;
  readonly now: Now;
  readonly socket: RigSocket;
  readonly dryRun?: boolean;
  readonly controllers?: URL;
  readonly solver?: URL;
}

/** Who hears what parts say by themselves. */
export interface Hearer {
  readonly session: Session;
  deviceFault(device: string, message: string): void;
  deviceNote(device: string, message: string): void;
  loopDead(reason: string): Promise<void>;
}

/** `hearer`: null until the rig is made of the parts. Rejects with what the parts say; none is open then but the socket. */
export async function openParts(options: PartOptions, hearer: () => Hearer | null): Promise<RigParts> {
  const { spec, workspace, log, now, socket, dryRun = false, controllers, solver } = options;
  const open: AsyncDisposable[] = [];
  try {
    const [rack, loop, leader, input] = await together([
      DeviceRack.load({
        // What was measured of the leader replaces what its file says: the calibration has to know both.
        spec: options.filed,
        workspace,
        now,
        poseReaders: 3,
        onFault: (device, message) => hearer()?.deviceFault(device, message),
        onNote: (device, message) => hearer()?.deviceNote(device, message),
        dryRun,
      }),
      LoopThread.open({
        spec,
        liveReaders: 0,
        ...(controllers === undefined ? {} : { controllers }),
        onDead: (reason) => void hearer()?.loopDead(reason),
        onControllerError: (message) => hearer()?.session.event('error', `A controller failed: ${message}`),
      }),
      LeaderSeat.load({
        spec,
        mounted: options.filed.leader,
        now,
        dryRun,
        onReading: (reading) => hearer()?.session.leader?.read(reading),
        onLost: (reason) => {
          log.warn({ reason }, 'leader lost');
          hearer()?.session.leader?.lose(reason);
        },
        onNote: (message) => hearer()?.deviceNote(spec.leader?.name ?? '', message),
      }),
      InputSeat.load(spec, now, () => hearer()?.session.input),
    ]);
    for (const part of [rack, loop, leader, input]) if (part !== null) open.push(part);
    const cameras = await CameraHub.open(spec, rack.stage, now);
    open.push(cameras);
    const outputs = await Outputs.open(spec, now);
    open.push(outputs);
    const policies = new PolicyThread({
      spec,
      places: policyPlaces(workspace),
      ticks: loop.policy.ticks,
      chunks: loop.policy.chunks,
      frames: cameras.policyChannels,
    });
    open.push(policies);
    const task = spec.sim === null ? undefined : rack.tasks.get(spec.sim.task);
    const planner = new PlannerThread({
      spec,
      ticks: loop.planner.ticks,
      plan: loop.planner.plan,
      poses: rack.stage?.poses[2] ?? null,
      scene:
        rack.scene === null
          ? null
          : { bodies: rack.scene.bodies.map((b) => b.name), phases: task?.phases ?? null },
      code: codeFolder(workspace),
      ...(solver === undefined ? {} : { solver }),
    });
    open.push(planner);
    const recorder = await Recorder.open({
      spec,
      memory: loop.memoryLayout,
      channels: {
        ...loop.recorder,
        frames: cameras.recordChannels,
        poses: rack.stage?.recordPoses ?? null,
      },
      workspace,
      scene: rack.scene,
      version: packageVersion(),
      onRepair: (done, of, id) => log.info({ done, of, id }, 'repairing'),
    });
    return { now, socket, rack, loop, leader, input, cameras, outputs, policies, planner, recorder };
  } catch (error) {
    for (const part of open.reverse()) await Promise.resolve(part[Symbol.asyncDispose]()).catch(() => {});
    throw error;
  }
}

/** The devices after all that may still be told by them, the loop last. */
const CLOSING = [
  'socket',
  'leader',
  'input',
  'policies',
  'planner',
  'cameras',
  'outputs',
  'recorder',
  'rack',
  'loop',
] as const satisfies readonly (keyof RigParts)[];

export async function closeParts(parts: RigParts, log: Logger): Promise<void> {
  for (const name of CLOSING) await step(log, name, async () => parts[name]?.[Symbol.asyncDispose]());
}
