/** What each request of a server does with the parts of the session, and which of them wait for their turn. */
import { ArmloopError } from '../errors.ts';
import { ControllerId, RequestKind, Source } from '../robot/tick.ts';
import type { CalibrationFlow } from './calibration.ts';
import type { Control } from './control.ts';
import type { SessionHost } from './host.ts';
import type { LeaderFlow } from './leader.ts';
import type { Lease } from './lease.ts';
import type { Method, Params } from './methods.ts';
import type { PlannerFlow } from './planner.ts';
import type { PolicyFlow } from './policies.ts';
import type { PushFlow } from './push.ts';
import type { RecordingFlow } from './recording.ts';
import { replayEpisode } from './scene.ts';
import type { SlotAsker } from './slot.ts';

export type Handlers = { readonly [M in Method]: (params: Params<M>, from: number) => unknown };

/** What the handlers work with. */
export interface Desk {
  readonly host: SessionHost;
  readonly session: SlotAsker & { estop(): Promise<number> };
  readonly control: Control;
  readonly recording: RecordingFlow;
  readonly policies: PolicyFlow;
  readonly planner: PlannerFlow;
  readonly push: PushFlow;
  readonly calibration: CalibrationFlow;
  /** Throws LEADER_NONE. */
  leader(): LeaderFlow;
  /** Runs after everything that was asked before. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  request(params: Params<'request'>): Promise<{ seq: number }>;
  record(task: string, operator: string): Promise<{ episode: string }>;
  /** Its seed. Without one: a random one. */
  newScene(lease: number, seed?: number): Promise<number>;
  metrics(): unknown;
  watch(connection: number, cameras: readonly number[]): void;
}

export function requestHandlers(desk: Desk): Handlers {
  const { host, session, control, recording, policies, planner, push, calibration } = desk;
  /** For the holder of the lease, when its turn comes. Throws LEASE_NEEDED. */
  const turn = <T>(lease: number, work: (held: Lease) => Promise<T>): Promise<T> => {
    const held = control.need(lease);
    return desk.inTurn(() => work(held));
  };
  const needNoRecording = (): void => {
    if (recording.state === 'recording') throw new ArmloopError('SCENE_BUSY', { reason: 'a recording runs' });
  };
  const step = (lease: number, work: () => Promise<string>): Promise<{ episode: string }> =>
    turn(lease, async () => {
      const episode = await work();
      host.changed();
      return { episode };
    });
  return {
    'lease.take': ({ client, operator }, from) => {
      const ref = { connection: from, client };
      return { lease: control.take(ref, operator === '' ? 'operator' : operator).id };
    },
    'lease.release': ({ client }, from) => control.release({ connection: from, client }, 'it was released'),
    'client.gone': ({ client }, from) =>
      control.release({ connection: from, client }, 'the connection of the operator is gone'),
    'cameras.watch': ({ cameras }, from) => desk.watch(from, cameras),
    metrics: () => desk.metrics(),
    estop: async () => ({ seq: await session.estop() }),
    request: (params) => desk.request(params),
    'scene.reset': ({ lease, seed }) =>
      turn(lease, async () => {
        needNoRecording();
        return { seed: await desk.newScene(lease, seed) };
      }),
    // Not in turn: a body that follows a hand must not wait for anything.
    'scene.push': ({ lease, ...choice }) => push.push(control.need(lease).operator, choice),
    home: async ({ lease }) => {
      control.need(lease);
      const home = {
        kind: RequestKind.activate,
        controller: ControllerId.home,
        source: Source.script,
        lease,
      };
      return { seq: await session.ask(home, 'going home') };
    },
    'recording.start': ({ lease, task, operator }) =>
      turn(lease, (held) => desk.record(task ?? '', operator ?? held.operator)),
    'recording.stop': ({ lease }) => step(lease, () => recording.stop()),
    'recording.label': ({ lease, label, cause }) => step(lease, () => recording.label(label, cause ?? '')),
    'recording.discard': ({ lease }) => step(lease, () => recording.discard()),
    'recording.rerecord': ({ lease }) =>
      turn(lease, async () => {
        const { task, operator } = recording;
        await recording.discard();
        if (host.scene !== null) await desk.newScene(lease);
        return desk.record(task, operator);
      }),
    'policy.list': () => host.policies.list(),
    'policy.deploy': ({ lease, policy, task, goal }) => {
      const request = { ...(task === undefined ? {} : { task }), ...(goal === undefined ? {} : { goal }) };
      return turn(lease, () => policies.deploy(lease, policy, request));
    },
    'policy.resume': ({ lease }) => turn(lease, () => policies.resume(lease)),
    'policy.stop': ({ lease }) => turn(lease, () => policies.stop()),
    'leader.engage': ({ lease }) =>
      turn(lease, () => {
        calibration.needIdle('the leader');
        return desk.leader().engage(lease, 'refuse');
      }),
    // Not in turn: letting go must not wait for anything.
    'leader.release': ({ lease }) => {
      control.need(lease);
      desk.leader().stop('it was released');
      return {};
    },
    'planner.start': ({ lease, ...choice }) => turn(lease, () => planner.start(lease, choice)),
    // Not in turn: a target that follows a hand must not wait for anything.
    'planner.set': ({ lease, target, weights }) => {
      control.need(lease);
      return planner.set({
        ...(target === undefined ? {} : { target }),
        ...(weights === undefined ? {} : { weights }),
      });
    },
    'planner.resume': ({ lease }) => turn(lease, () => planner.resume(lease)),
    'planner.stop': ({ lease }) => turn(lease, () => planner.stop()),
    'calibration.view': () => calibration.view(),
    'calibration.start': ({ lease, ...choice }) => {
      control.need(lease);
      return calibration.start(choice);
    },
    'calibration.take': ({ lease }) => turn(lease, () => calibration.take()),
    'calibration.skip': ({ lease }) => turn(lease, () => calibration.skip()),
    'calibration.hand': ({ lease }) => turn(lease, () => calibration.hand()),
    // Not in turn: whoever stops must not wait for a reading.
    'calibration.stop': ({ lease }) => {
      control.need(lease);
      return calibration.stop();
    },
    replay: ({ lease, episode }) =>
      turn(lease, async () => {
        needNoRecording();
        const seq = await replayEpisode(host, session, episode, lease);
        session.event('info', `Replaying ${episode}.`);
        return { seq };
      }),
  };
}
