/**
 * One stage of the Riccati recursion, the hot path of every solver here. With V' the value function of the next stage,
 *
 *     Qx  = lx + fxᵀ Vx'            Qu  = lu + fuᵀ Vx'
 *     Qxx = lxx + fxᵀ (Vxx' + ρI) fx    Qux = lux + fuᵀ (Vxx' + ρI) fx    Quu = luu + fuᵀ (Vxx' + ρI) fu
 *
 * then, with Quu + μI = L Lᵀ, W = L⁻¹ Qux and w = L⁻¹ Qu (a half-solve: no product with K is needed),
 *
 *     K = -L⁻ᵀ W    k = -L⁻ᵀ w    Vxx = Qxx - Wᵀ W    Vx = Qx - Wᵀ w
 *
 * ρ and μ penalise changes of state and control (both are the exact solution of a problem with ρ/2 |dx'|² + μ/2 |du|²
 * added, so that Vxx needs no correction). Between `expand` and `solve` the Q terms lie in `q`, to be read and changed.
 */
import { Arena } from '../../model/code/arena.ts';
import type { Expansion, Feedback } from '../memory.ts';
import type { PlanMemory } from '../problem.ts';
import { ScriptRiccati } from './riccati-script.ts';
import { WasmRiccati } from './riccati-wasm.ts';

/** The Q terms of one stage. Padded widths are even; what lies in the padding means nothing. */
export interface QTerms {
  readonly n: number;
  readonly m: number;
  /** Qxx, n rows of `xStride`; entries on and above the diagonal count. */
  readonly xx: Float64Array;
  readonly xStride: number;
  /** Qx, n. */
  readonly x: Float64Array;
  /** m rows of `uStride`: Quu (on and above the diagonal) at column 0, Qux at `ux`, Qu at `u`. */
  readonly rows: Float64Array;
  readonly uStride: number;
  readonly ux: number;
  readonly u: number;
}

export interface Riccati {
  readonly form: 'wasm' | 'script';
  readonly q: QTerms;
  /** ρ and μ of the stages to come: once per pass, for a number handed to each stage would be put on the heap each time. */
  begin(rho: number, mu: number): void;
  /** Q terms of stage t from V of t + 1 in `feedback`. */
  expand(feedback: Feedback, t: number): void;
  /** Gains and value of stage t into `feedback`. False when Quu + μI is not positive definite. */
  solve(feedback: Feedback, t: number): boolean;
}

/**
 * The fastest form that fits: WebAssembly where the arrays lie in an arena and the state has an even number of entries
 * (as positions and velocities have), loops in JavaScript otherwise.
 */
export function createRiccati(
  memory: PlanMemory,
  n: number,
  m: number,
  expansion: Expansion,
  { form = 'auto', dt = null }: { form?: 'auto' | 'script'; dt?: number | null } = {},
): Riccati {
  if (form === 'auto' && memory instanceof Arena && n % 2 === 0) {
    return new WasmRiccati(memory, n, m, expansion, dt);
  }
  return new ScriptRiccati(n, m, expansion);
}
