/**
 * A problem of optimal control in discrete time, as every solver of src/plan takes it:
 *
 *     min over u_0 … u_{T-1} of   Σ_{t<T} l(x_t, u_t, t) + l_T(x_T)
 *     with x_{t+1} = f(x_t, u_t, t), x_0 given, lower ≤ u_t ≤ upper
 *
 * States have `nx` numbers. Where a state holds quaternions its tangent has `ndx` < `nx` and the problem says how to
 * take differences; everywhere else the two are equal. Derivatives with respect to the state are in the tangent.
 *
 * Vectors and matrices are Float64Array, matrices row-major. `x`, `u` and out-parameters are never the same array.
 * Functions write all of their out-parameters (unless they say "adds"), allocate nothing, do not throw on numbers, and
 * give NaN or infinity where the model has no answer: solvers look for that.
 */
export interface Problem {
  /** Numbers of a state. */
  readonly nx: number;
  /** Numbers of its tangent. */
  readonly ndx: number;
  readonly nu: number;
  /** T: stages; a trajectory has T controls and T + 1 states. */
  readonly horizon: number;
  /** nx. Read at the start of each solve, so that a receding horizon writes the measured state into it. */
  readonly x0: Float64Array;
  /** nu, or null without limits. Entries may be infinite. Read at each solve. */
  readonly lower: Float64Array | null;
  readonly upper: Float64Array | null;
  /**
   * Memory in which the solver puts trajectories and derivatives. A problem whose functions run in WebAssembly gives
   * its arena, so that nothing is copied and the solver's own kernels run beside it; without it solvers take their own.
   */
  readonly memory?: PlanMemory;
  /**
   * dt (s) where x = (q, v) and q' = q + dt v' holds exactly (semi-implicit Euler, ndx = nx): the upper halves of fx and
   * fu follow from the lower ones, and backward passes take half the time.
   */
  readonly semiImplicitStep?: number;

  /** out (nx) = f(x, u, t). */
  dynamics(x: Float64Array, u: Float64Array, t: number, out: Float64Array): void;
  /** fx = ∂f/∂x (ndx × ndx), fu = ∂f/∂u (ndx × nu). */
  dynamicsDerivatives(x: Float64Array, u: Float64Array, t: number, fx: Float64Array, fu: Float64Array): void;
  /**
   * Second order, for DDP. Adds Σ_k v_k ∂²f_k to xx (ndx × ndx), ux (nu × ndx), uu (nu × nu); v has ndx numbers.
   * Without it DDP refuses the problem.
   */
  dynamicsHessian?(
    x: Float64Array,
    u: Float64Array,
    t: number,
    v: Float64Array,
    xx: Float64Array,
    ux: Float64Array,
    uu: Float64Array,
  ): void;

  /** l(x, u, t). */
  cost(x: Float64Array, u: Float64Array, t: number): number;
  /** l_T(x). */
  terminalCost(x: Float64Array): number;
  /**
   * Adds l(x, u, t) to sum[0]. Solvers prefer it to `cost`: a number that a function returns may be put on the heap, which
   * makes 16 bytes of garbage per stage and rollout.
   */
  addCost?(x: Float64Array, u: Float64Array, t: number, sum: Float64Array): void;
  /** Gradient and Hessian (Gauss–Newton or exact): lx ndx, lu nu, lxx ndx × ndx, lux nu × ndx, luu nu × nu. */
  costDerivatives(
    x: Float64Array,
    u: Float64Array,
    t: number,
    lx: Float64Array,
    lu: Float64Array,
    lxx: Float64Array,
    lux: Float64Array,
    luu: Float64Array,
  ): void;
  /** lx ndx, lxx ndx × ndx of l_T. */
  terminalDerivatives(x: Float64Array, lx: Float64Array, lxx: Float64Array): void;

  /** out (ndx) = b ⊖ a: what leads from a to b. Given exactly when ndx < nx. */
  difference?(a: Float64Array, b: Float64Array, out: Float64Array): void;
  /** out (nx) = x ⊕ dx. Given exactly when ndx < nx. */
  integrate?(x: Float64Array, dx: Float64Array, out: Float64Array): void;

  /**
   * All stages at once, for models that are faster that way: xs (T + 1) × nx, us T × nu, fx T × ndx × ndx,
   * fu T × ndx × nu. Solvers prefer it to `dynamicsDerivatives`; both must give the same numbers.
   */
  trajectoryDerivatives?(xs: Float64Array, us: Float64Array, fx: Float64Array, fu: Float64Array): void;
  /**
   * Costs of `count` control sequences from x0 (controls count × T × nu, within limits), for sampling solvers and models
   * that are faster in a batch. What blows up costs NaN or infinity.
   */
  rolloutCosts?(controls: Float64Array, count: number, costs: Float64Array): void;
}

/** Where arrays come from. `Arena` of src/model/code is one, whose arrays lie in one WebAssembly memory. */
export interface PlanMemory {
  /** `count` zeros, aligned to 16 bytes. Throws when there is no room. */
  alloc(count: number): Float64Array;
  /** A view of `count` values of an array that `alloc` made, from `start` on. */
  slice(array: Float64Array, start: number, count: number): Float64Array;
}
