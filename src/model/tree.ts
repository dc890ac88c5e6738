/**
 * The kinematic tree as read from a model file: plain data, in SI units, quaternions x y z w. Both readers
 * (mjcf.ts, urdf.ts) make it; kinematics and dynamics are built from it.
 */

export interface Inertial {
  /** kg. */
  readonly mass: number;
  /** Centre of mass in the body, m. */
  readonly position: readonly number[];
  /** Orientation of the frame of `inertia` in the body. */
  readonly orientation: readonly number[];
  /** xx yy zz xy xz yz about the centre of mass, kg·m². */
  readonly inertia: readonly number[];
}

export interface TreeJoint {
  readonly name: string;
  readonly type: 'revolute' | 'prismatic';
  /** Unit vector in the body. */
  readonly axis: readonly number[];
  /** A point of the axis in the body, m. */
  readonly position: readonly number[];
  /** Joint value at which the body stands as the file places it (rad or m). */
  readonly ref: number;
  /** Limits (rad or m), or null without. */
  readonly range: readonly [number, number] | null;
  readonly armature: number;
  readonly damping: number;
  readonly frictionloss: number;
  /** Lowest and highest effort of its actuator (N·m or N), or null without. */
  readonly effort: readonly [number, number] | null;
  /** Greatest speed (rad/s or m/s), or null without. */
  readonly velocity: number | null;
  /** Follows another joint: value = multiplier × other + offset (URDF mimic). */
  readonly mimic: { readonly joint: string; readonly multiplier: number; readonly offset: number } | null;
}

export interface TreeBody {
  readonly name: string;
  /** Index of the parent; -1 for the first body, which is the base. Parents come before children. */
  readonly parent: number;
  /** Pose in the parent at the joints' reference values. */
  readonly position: readonly number[];
  readonly orientation: readonly number[];
  /** Joints between parent and body, applied in this order. */
  readonly joints: readonly TreeJoint[];
  readonly inertial: Inertial | null;
  /** Why the body's dynamics are not what `inertial` and `joints` say, in words; null when they are. */
  readonly problem: string | null;
}

/** A named frame fixed to a body. */
export interface TreeSite {
  readonly name: string;
  readonly body: number;
  readonly position: readonly number[];
  readonly orientation: readonly number[];
}

export interface KinematicTree {
  /** The file that it was read from, for messages. */
  readonly file: string;
  readonly bodies: readonly TreeBody[];
  readonly sites: readonly TreeSite[];
}
