/**
 * Rigid-body dynamics of an arm as controllers and solvers use it. One interface, three implementations: plain loops
 * (tree-dynamics.ts, the oracle) and the code that is generated for one robot. All are built from the same
 * `DynamicTree`, which dynamic-tree.ts makes of a model file's tree.
 *
 * Equation of motion, n degrees of freedom:
 *
 *     M(q) a + C(q, v) v + g(q) + D v + F tanh(v / eps) = tau
 *
 * M with armature (reflected rotor inertia), D viscous damping, F Coulomb friction (left out unless the options give
 * `frictionEps`). q rad or m, v per s, a per s², tau N·m or N.
 */

/** One degree of freedom. */
export interface DynamicsJoint {
  /** Name of the joint in the model file, or of the axis when `axes` were given. */
  readonly name: string;
  readonly type: 'revolute' | 'prismatic';
  /** Limits (rad or m), or null without. */
  readonly range: readonly [number, number] | null;
  /** Lowest and highest effort (N·m or N), or null when the file has none. */
  readonly effort: readonly [number, number] | null;
  /** Greatest speed (rad/s or m/s), or null when the file has none. */
  readonly velocity: number | null;
  /** kg·m² or kg; N·m·s/rad or N·s/m; N·m or N. Those of joints that follow this one are folded in. */
  readonly armature: number;
  readonly damping: number;
  readonly frictionloss: number;
}

/**
 * Every function writes all of its out-parameters, which are no input, and allocates nothing. Vectors have n entries in
 * the order of `joints`, matrices are row-major. Numbers are not checked: what is not finite comes out not finite.
 */
export interface DynamicsModel {
  readonly n: number;
  readonly joints: readonly DynamicsJoint[];
  /** Index of a body or site for `pose` and `jacobian`. Throws MODEL_UNKNOWN_FRAME. */
  frame(name: string): number;
  /** Pose of a frame in the base: p x y z (m), quaternion x y z w with w ≥ 0: 7 values. */
  pose(q: Float64Array, frame: number, out: Float64Array): void;
  /** Geometric Jacobian of a frame's origin in the base: 6 × n; rows vx vy vz wx wy wz. */
  jacobian(q: Float64Array, frame: number, out: Float64Array): void;
  /** Inverse dynamics, tau of the equation above (n). Featherstone 2008, table 5.1. */
  rnea(q: Float64Array, v: Float64Array, a: Float64Array, out: Float64Array): void;
  /** Forward dynamics, a of the equation above (n). */
  forward(q: Float64Array, v: Float64Array, tau: Float64Array, out: Float64Array): void;
  /** M(q), symmetric, both triangles, with armature (n × n). */
  massMatrix(q: Float64Array, out: Float64Array): void;
  /** g(q) (n): the effort that holds the arm still. */
  gravity(q: Float64Array, out: Float64Array): void;
  /** C(q, v) v (n): Coriolis and centrifugal effort alone, without damping and friction. */
  coriolis(q: Float64Array, v: Float64Array, out: Float64Array): void;
  /** dq = d rnea/dq, dv = d rnea/dv (n × n, row i is effort i); d rnea/da is M. Carpentier & Mansard 2018. */
  rneaDerivatives(
    q: Float64Array,
    v: Float64Array,
    a: Float64Array,
    dq: Float64Array,
    dv: Float64Array,
  ): void;
  /** d forward/dq, /dv, /dtau (n × n each, row i is acceleration i); the last is M⁻¹. */
  forwardDerivatives(
    q: Float64Array,
    v: Float64Array,
    tau: Float64Array,
    dq: Float64Array,
    dv: Float64Array,
    dtau: Float64Array,
  ): void;
  /**
   * Second derivatives of forward dynamics, contracted with w (n), for DDP:
   * out[i·3n + j] = Σ_k w_k ∂²a_k / ∂z_i ∂z_j with z = (q, v, tau): 3n × 3n, symmetric, both triangles.
   */
  forwardHessian(
    q: Float64Array,
    v: Float64Array,
    tau: Float64Array,
    w: Float64Array,
    out: Float64Array,
  ): void;
}

/** A body held by a frame. */
export interface Payload {
  /** Body or site that it is fixed to. */
  readonly frame: string;
  /** kg. */
  readonly mass: number;
  /** Centre of mass in the frame, m. */
  readonly position: readonly number[];
  /** xx yy zz xy xz yz about the centre of mass, along the axes of the frame, kg·m². A point mass without. */
  readonly inertia?: readonly number[];
}

export interface DynamicsOptions {
  /** Acceleration of free fall in the base, m/s²; 0 0 -9.81 unless given. */
  readonly gravity?: readonly number[];
  /**
   * Degrees of freedom as the robot file orders them, each driving some joints; joints that no axis drives and none
   * mimics stay at their reference value. Without: every joint that is not locked and mimics nothing, in tree order.
   */
  readonly axes?: readonly {
    readonly name: string;
    readonly joints: readonly { readonly name: string; readonly ratio: number }[];
  }[];
  /** Joints held at a value (rad or m), such as fingers; what they carry is lumped into the moving parent. */
  readonly locked?: Readonly<Record<string, number>>;
  readonly payload?: Payload;
  /** Speed (rad/s or m/s) over which Coulomb friction changes sign; friction is left out unless it is given. */
  readonly frictionEps?: number;
}

/**
 * A link of the dynamic tree: one joint, about or along the z axis of its own frame, through its origin. Bodies that
 * several joints move have a massless link per joint but the last.
 */
export interface DynamicLink {
  /** Name of the body; of those without mass, of the joint. */
  readonly name: string;
  /** Index of the parent link, -1 for the base. Parents come before children. */
  readonly parent: number;
  readonly type: 'revolute' | 'prismatic';
  /** Its joint value is scale · q[dof] + offset (several links share a dof where joints follow others). */
  readonly dof: number;
  readonly scale: number;
  readonly offset: number;
  /**
   * The link's frame in the parent's at joint value 0: rotation (9, row-major; columns are the link's axes) and
   * position (m). Entries that differ from 0, 1 and -1 by rounding alone are made exact.
   */
  readonly rotation: readonly number[];
  readonly position: readonly number[];
  /** What moves with the link, lumped: kg; centre of mass (m); xx yy zz xy xz yz about it; all in the link's frame. */
  readonly mass: number;
  readonly com: readonly number[];
  readonly inertia: readonly number[];
}

/** A body or site: a frame fixed to a link (-1: to the base), at a rotation and position in the link's frame. */
export interface DynamicFrame {
  readonly name: string;
  readonly link: number;
  readonly rotation: readonly number[];
  readonly position: readonly number[];
}

/** What every implementation is built from: plain data. Made by `dynamicTree` in dynamic-tree.ts. */
export interface DynamicTree {
  /** The model file, for messages. */
  readonly file: string;
  readonly joints: readonly DynamicsJoint[];
  readonly links: readonly DynamicLink[];
  readonly frames: readonly DynamicFrame[];
  /** m/s², in the base. */
  readonly gravity: readonly number[];
  /** Null: Coulomb friction is left out. */
  readonly frictionEps: number | null;
}
