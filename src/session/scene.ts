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
  try {
    const { scene } = plan;
    if (scene !== null) {
      if (host.scene === null) throw new ArmloopError('NOT_SIMULATED', { request: 'restoring a scene' });
      await underReset(host, asker, lease, () => host.scene!.restore(scene));
    } else await asker.stopMotion(STOP_S);
    const fed = plan.feed();
    const activate = {
      kind: RequestKind.activate,
      controller: ControllerId.replay,
      source: Source.replay,
      lease,
    };
    const seq = await asker.ask(activate, 'replay');
    // What fails later shows as an underrun of the loop; the plan is let go when all rows are fed.
    void fed.catch(() => {}).finally(() => plan[Symbol.asyncDispose]());
    return seq;
  } catch (error) {
    await plan[Symbol.asyncDispose]();
    throw error;
  }
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
