/** Changing the simulated scene under the arm, and driving an episode again. */
import { ArmloopError } from '../errors.ts';
import { ControllerId, Mode, RequestKind, Source } from '../robot/tick.ts';
import type { LoopRequest, SessionHost } from './host.ts';

const STOP_S = 5;
const RESET_S = 10;

interface Asker {
  ask(request: LoopRequest, what: string): Promise<number>;
  stopMotion(timeoutS: number): Promise<void>;
}

/** New scene from the seed: the arm is placed too, so the loop follows it under the reset controller meanwhile. */
export async function resetScene(
  host: SessionHost,
  asker: Asker,
  seed: number,
  lease: number,
): Promise<void> {
  const scene = host.scene;
  if (scene === null) throw new ArmloopError('NOT_SIMULATED', { request: 'a new scene' });
  await underReset(host, asker, lease, () => scene.reset(seed));
}

/**
 * Puts the scene of the episode's start back and drives its sent commands again. Resolves with the number of the
 * activation; the rows are fed on behind it.
 */
export async function replayEpisode(
  host: SessionHost,
  asker: Asker,
  episode: string,
  lease: number,
): Promise<number> {
  const plan = await host.openReplay(episode);
  if (plan.scene.length > 0) {
    const stage = host.scene;
    if (stage === null) throw new ArmloopError('NOT_SIMULATED', { request: 'restoring a scene' });
    await underReset(host, asker, lease, async () => {
      for (const { device, state } of plan.scene) await stage.restore(device, state);
    });
  } else await asker.stopMotion(STOP_S);
  // The first rows are in the ring before the loop is asked; rows that come too late show as an underrun.
  const lead = plan.feed();
  const { replay: controller } = ControllerId;
  const activate = { kind: RequestKind.activate, controller, source: Source.replay, lease, args: [lead] };
  const seq = await asker.ask(activate, 'replay').catch((error: unknown) => {
    plan.stop();
    throw error;
  });
  const over = host.until(
    'the end of the replay',
    (v) => v.mode !== Mode.active,
    lead + plan.duration + RESET_S,
  );
  void over.catch(() => {}).then(() => plan.stop());
  return seq;
}

async function underReset(
  host: SessionHost,
  asker: Asker,
  lease: number,
  change: () => Promise<void>,
): Promise<void> {
  await asker.stopMotion(STOP_S);
  const before = host.view.epoch;
  const reset = { kind: RequestKind.activate, controller: ControllerId.reset, source: Source.reset, lease };
  await asker.ask(reset, 'a new scene');
  try {
    await change();
    await host.until('the new scene', (v) => v.epoch !== before, RESET_S);
  } finally {
    await asker.stopMotion(STOP_S);
    await host.until('holding again', (v) => v.mode === Mode.holding || v.mode === Mode.stopped, RESET_S);
  }
}
