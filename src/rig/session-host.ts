/** The rig as its session sees it. */
import { ArmloopError } from '../errors.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { RequestKind } from '../robot/tick.ts';
import type { PlannerHost, SessionHost } from '../session/host.ts';
import { calibrationNotes, episodeRecorder } from './episode-recorder.ts';
import type { RigParts } from './parts.ts';
import { policyHost } from './policy-host.ts';
import { openReplay } from './replay.ts';
import { rigStatus } from './status.ts';
import type { TickWatch } from './tick-watch.ts';

export interface HostedRig {
  readonly spec: RobotSpec;
  readonly workspace: string;
  readonly parts: RigParts;
  readonly watch: TickWatch;
  /** Why the policies do not run, for people; '' when they do. */
  readonly policyTrouble: { text: string };
  operate(block: Float64Array): void;
  /** Devices that did not hold when they were told to, in words. */
  notHalted(failures: readonly string[]): void;
  episodeClosed(): void;
  /** The leader is aligned anew: consoles are told. */
  realigned(): void;
  changed(): void;
}

export function sessionHost(rig: HostedRig): SessionHost {
  const { spec, workspace, parts, watch } = rig;
  const { now, rack, loop, cameras, planner, recorder, socket, leader, input } = parts;
  const arm = { q: watch.field('in.q'), tool: watch.field('out.toolCmd') };
  return {
    spec,
    now,
    view: watch.view,
    scene:
      rack.stage === null
        ? null
        : {
            reset: (seed) => rack.reset(seed),
            restore: (device, state) => rack.restore(device, state),
            push: (push) => rack.push(push),
          },
    recorder: episodeRecorder({
      recorder,
      physics: () => rack.snapshots(now),
      notes: () => calibrationNotes(rack.calibration.inForce),
      requestSnapshot: () => loop.request({ kind: RequestKind.snapshot }),
      onClosed: () => rig.episodeClosed(),
    }),
    policies: policyHost(parts.policies, rig.policyTrouble),
    planner: planner satisfies PlannerHost,
    leader,
    input: input?.spec ?? null,
    arm: () => arm,
    calibration: {
      calibration: rack.calibration,
      raw: (device) => rack.raw(device),
      hand: (device) => rack.hand(device),
      leaderHand: () => leader?.hand ?? null,
      renew: () => rack.renew(),
      away: (device) => rack.away(device),
      lend: (device) => rack.lend(device),
      takeBack: (device) => rack.takeBack(device),
      realigned: () => rig.realigned(),
    },
    status: () => rigStatus({ spec, rack, watch, cameras, fifo: loop.fifo }),
    ask: (request) => {
      if (loop.dead !== null)
        throw new ArmloopError('RIG_THREAD_DIED', { thread: 'loop', reason: loop.dead });
      return loop.request(request);
    },
    answered: (seq, timeoutS) => watch.answered(seq, timeoutS),
    until: (what, condition, timeoutS) => watch.until(what, condition, timeoutS),
    operate: (block) => rig.operate(block),
    enableDevices: () => rack.enable(),
    disableDevices: () => rack.disable(),
    haltDevices: async () => rig.notHalted(await rack.halt()),
    openReplay: (episode) => openReplay(workspace, episode, spec, loop.rows, () => watch.field('out.q')),
    notify: (client, reply) => socket.notice(client, reply),
    changed: () => rig.changed(),
  };
}
