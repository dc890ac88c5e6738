/** Controllers for tests of the loop thread: the operator's `speed` tells the one in the twist slot how to misbehave. */
import { type Controller, StepCode } from '../../src/control/controller.ts';
import { ControllerId } from '../../src/robot/tick.ts';
import { ScriptController } from './loop-rig.ts';

/** Values of in.op.speed. */
export const Misdeed = { none: 0, throws: -1, notFinite: -2, hangs: -3, garbage: -4, breaks: -5 } as const;

const kept: unknown[] = [];

/** One fresh object: what the allocation test must notice. */
export function litter(tick: Float64Array): void {
  kept[0] = { at: tick[0], more: tick[1] };
}

export function createControllers(): Controller[] {
  const script = new ScriptController(ControllerId.twist, 'script');
  const speeds = new Float64Array(8);
  let drive: ScriptController['script'] | null = null;
  let at: { speed: number; jog: number; q: number } | null = null;
  script.script = (tick, self) => {
    const { layout } = self.context.tick;
    drive ??= ScriptController.speeds(speeds);
    at ??= { speed: layout.at('in.op.speed'), jog: layout.at('in.op.jog'), q: layout.at('out.requested.q') };
    for (let i = 0; i < 8; i++) speeds[i] = tick[at.jog + i]!;
    drive(tick, self);
    switch (tick[at.speed]) {
      case Misdeed.throws:
        throw new Error('the controller broke');
      case Misdeed.notFinite:
        tick[at.q + 1] = Number.NaN;
        break;
      case Misdeed.hangs:
        for (;;);
      case Misdeed.garbage:
        litter(tick);
        break;
      case Misdeed.breaks:
        // Not even a fault can be handled: the context of the cycle itself is gone.
        Object.defineProperty(Float64Array.prototype, 'set', {
          value: () => {
            throw new Error('broken');
          },
        });
        break;
      default:
    }
    return StepCode.ok;
  };
  const reset = new ScriptController(ControllerId.reset, 'reset');
  reset.script = (tick, self) => {
    ScriptController.speeds(new Float64Array(8))(tick, self);
    return StepCode.ok;
  };
  return [script, reset];
}
