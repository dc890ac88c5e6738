/** From what was asked for to a pilot: plant, tool, limits, terms and target of one robot. */
import { ArmloopError } from '../../errors.ts';
import { Arena } from '../../model/code/arena.ts';
import { dynamicTree } from '../../model/dynamic-tree.ts';
import { type GeneratedDynamics, generateDynamics } from '../../model/generated.ts';
import { armOptions, loadKinematics, readTree } from '../../model/load.ts';
import type { ScenePlant } from '../../robot/plant.ts';
import type { RobotSpec } from '../../robot/spec.ts';
import type { TaskPhase } from '../../robot/task.ts';
import { type FrameModel, FrameView } from '../cost/frame.ts';
import { CommandSystem } from '../dynamics/command.ts';
import { RigidSystem } from '../dynamics/rigid.ts';
import type { TimedSystem } from '../dynamics/system.ts';
import type { Solver } from '../solver.ts';
import { type MpcChoice, resolveChoice } from './choice.ts';
import { PhaseTarget } from './phases.ts';
import { engineOf, MpcPilot, SceneView } from './pilot.ts';
import { ArmProblem } from './problem.ts';
import { SceneProblem } from './scene-problem.ts';
import { FormulaTarget, type TargetSource, type TargetSpec } from './target.ts';
import type { Drive } from './tasks.ts';
import type { TermLimits } from './terms.ts';

/** Shares of the robot file's limits that plans use: the guard and, of efforts, the device's own gravity keep the rest. */
const ACCELERATION = 0.7;
const EFFORT = 0.5;
/** Room for model, problem and solver: 100 stages of 7 joints take 2 MB. */
const ARENA_BYTES = 8e6;

/** What a planner may know of the scene that it works in. */
export interface PlannerScene {
  readonly bodies: readonly string[];
  /** Phases of its task; null where it has none. */
  readonly phases: readonly TaskPhase[] | null;
}

export interface OpenOptions {
  readonly spec: RobotSpec;
  readonly choice: MpcChoice;
  readonly scene: PlannerScene | null;
  /** The model of the scene, for tasks that need one; the caller disposes of it. */
  readonly plant: ScenePlant | null;
  readonly solver: Solver;
  /** Folder in which code made for the arm is kept (`codeFolder`); without, it is made each time. */
  readonly code?: string;
}

/**
 * Throws PLAN_UNKNOWN_TASK, PLAN_PROBLEM_INVALID and MODEL_*. The model of a torque plan has no gravity: the devices that
 * take efforts (the simulated arm, as a Franka) compensate it themselves.
 */
export function openPilot({ spec, choice, scene, plant: scenery, solver, code }: OpenOptions): MpcPilot {
  const plan = resolveChoice(choice, spec);
  const view = new SceneView(scene?.bodies ?? []);
  const phases = scene?.phases ?? null;
  if (plan.targets.includes('phases') && phases === null) {
    throw new ArmloopError('TEACHER_NO_PHASES', { task: spec.sim?.task ?? 'none' });
  }
  const makeTarget = (start: number, target: TargetSpec | null): TargetSource =>
    target === null ? new PhaseTarget(phases!, view) : new FormulaTarget(target, start);
  const { horizon, dt, terms } = plan;
  const { system, view: tool } = armOf(spec, plan.drive, dt, code);
  const limits = limitsOf(spec, plan.drive);
  if (plan.targets.includes('scene')) {
    if (scenery === null) throw new ArmloopError('PLAN_NO_PLANT', { task: spec.sim?.task ?? 'none' });
    const problem = new SceneProblem({ plant: scenery, sight: view, view: tool, limits, terms, horizon, dt });
    const pilot = new MpcPilot(
      { spec, plan, view, engine: engineOf(spec, plan, problem, solver) },
      makeTarget,
    );
    if (choice.weights !== undefined) pilot.set({ weights: choice.weights });
    return pilot;
  }
  const problem = new ArmProblem({
    system,
    view: tool,
    limits,
    terms,
    target: makeTarget(0, plan.target),
    horizon,
  });
  return new MpcPilot({ spec, plan, view, engine: engineOf(spec, plan, problem, solver) }, makeTarget);
}

function armOf(
  spec: RobotSpec,
  drive: Drive,
  dt: number,
  code: string | undefined,
): { system: TimedSystem; view: FrameView } {
  const model = generated(spec);
  const { tool } = spec.model;
  if (model === null) {
    return {
      system: new CommandSystem(spec.armAxes, dt),
      view: new FrameView(kinematicsOf(spec), tool),
    };
  }
  const { arena, dynamics } = model;
  return {
    system:
      drive === 'torque'
        ? new RigidSystem({ model: dynamics, dt, arena })
        : new CommandSystem(spec.armAxes, dt, arena),
    view: new FrameView(dynamics, tool, arena),
  };

  /**
   * Code made for the arm; null for a model file without the masses that dynamics need, which commands do without. Always
   * WebAssembly, the faster form wherever both were measured (`bench model`): a choice at each start (`chooseForm`) would let
   * the clock decide how numbers are rounded, and the same seeds must give the same episodes.
   */
  function generated({ model }: RobotSpec): { arena: Arena; dynamics: GeneratedDynamics } | null {
    try {
      const arena = new Arena(ARENA_BYTES);
      const tree = dynamicTree(readTree(model.file), { ...armOptions(spec), gravity: [0, 0, 0] });
      const cache = code === undefined ? {} : { cache: code };
      return { arena, dynamics: generateDynamics(tree, { arena, ...cache }) };
    } catch (error) {
      if (drive === 'position' && error instanceof ArmloopError && error.code.startsWith('MODEL_'))
        return null;
      throw error;
    }
  }
}

/** The arm of a model of all axes, gripper at home: that does not move the tool. */
function kinematicsOf(spec: RobotSpec): FrameModel {
  const model = loadKinematics(spec);
  const n = spec.armAxes;
  const all = Float64Array.from(spec.axes, (a) => a.home);
  const wide = new Float64Array(6 * spec.axes.length);
  return {
    n,
    frame: (name) => model.frame(name),
    pose(q, frame, out) {
      for (let i = 0; i < n; i++) all[i] = q[i]!;
      model.pose(all, frame, out);
    },
    jacobian(q, frame, out) {
      for (let i = 0; i < n; i++) all[i] = q[i]!;
      model.jacobian(all, frame, wide);
      for (let r = 0; r < 6; r++)
        for (let j = 0; j < n; j++) out[r * n + j] = wide[r * spec.axes.length + j]!;
    },
  };
}

function limitsOf(spec: RobotSpec, drive: Drive): TermLimits {
  const arm = spec.axes.slice(0, spec.armAxes);
  const of = (f: (a: (typeof arm)[number]) => number): Float64Array => Float64Array.from(arm, f);
  return {
    min: of((a) => a.min),
    max: of((a) => a.max),
    speed: of((a) => a.velocity),
    control: of((a) => (drive === 'torque' ? EFFORT * a.effort : ACCELERATION * a.acceleration)),
  };
}
