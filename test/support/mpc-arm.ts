/** Problems of the golden Panda for tests of model-predictive control. */
import { FrameView } from '../../src/plan/cost/frame.ts';
import { CommandSystem } from '../../src/plan/dynamics/command.ts';
import { ArmProblem } from '../../src/plan/mpc/problem.ts';
import { FormulaTarget, type TargetSource, type TargetSpec } from '../../src/plan/mpc/target.ts';
import type { TermLimits, TermSpec } from '../../src/plan/mpc/terms.ts';
import { model, spec } from './bench-arm.ts';

export const N = spec.armAxes;

const whole = new Float64Array(spec.axes.length);
const wide = new Float64Array(6 * spec.axes.length);
/** A view of its tool, by the kinematics of the rig. */
export const toolView = (): FrameView =>
  new FrameView(
    {
      n: N,
      frame: (name) => model.frame(name),
      pose: (q, frame, out) => {
        whole.set(q);
        model.pose(whole, frame, out);
      },
      jacobian: (q, frame, out) => {
        whole.set(q);
        model.jacobian(whole, frame, wide);
        for (let r = 0; r < 6; r++)
          for (let j = 0; j < N; j++) out[r * N + j] = wide[r * spec.axes.length + j]!;
      },
    },
    spec.model.tool,
  );

const arm = spec.axes.slice(0, N);
export const limits: TermLimits = {
  min: Float64Array.from(arm, (a) => a.min),
  max: Float64Array.from(arm, (a) => a.max),
  speed: Float64Array.from(arm, (a) => a.velocity),
  control: Float64Array.from(arm, (a) => 0.6 * a.acceleration),
};

export const REACH: readonly TermSpec[] = [
  { name: 'position', kind: 'tool-position', weight: 40, final: 40, smooth: 0.1 },
  { name: 'orientation', kind: 'tool-orientation', weight: 4, final: 4, smooth: 0.3 },
  { name: 'speed', kind: 'speed', weight: 0.1, final: 2 },
  { name: 'effort', kind: 'effort', weight: 0.02, final: 0 },
  { name: 'range', kind: 'range', weight: 20, final: 20, margin: 0.1 },
  { name: 'speed limit', kind: 'speed-limit', weight: 50, final: 50, margin: 0.2 },
];

export function armProblem(
  target: TargetSpec | TargetSource,
  options: { terms?: readonly TermSpec[]; horizon?: number; dt?: number } = {},
): ArmProblem {
  return new ArmProblem({
    system: new CommandSystem(N, options.dt ?? 0.02),
    view: toolView(),
    limits,
    terms: options.terms ?? REACH,
    target: 'kind' in target ? new FormulaTarget(target, 0) : target,
    horizon: options.horizon ?? 30,
  });
}
