/** The kinematic tree of the rig as controllers and the guard use it. Built by src/model from MJCF or URDF. */

export interface KinematicModel {
  /** Axes that the rig drives (robot file order); q vectors below have this length, the gripper axis included. */
  readonly axes: number;
  /** Bodies of the model, base first. */
  readonly bodies: readonly { readonly name: string; readonly parent: number }[];
  /** Index of a body or site for use below. Throws MODEL_UNKNOWN_FRAME. */
  frame(name: string): number;
  /** The tool frame of the robot file. */
  readonly tool: number;
  /** Pose of a frame in the base: writes p x y z, quaternion x y z w to out[at..at+7). Allocates nothing. */
  pose(q: Float64Array, frame: number, out: Float64Array, at?: number): void;
  /**
   * Geometric Jacobian of a frame's origin in the base: 6 × axes, row-major; rows vx vy vz wx wy wz.
   * Allocates nothing.
   */
  jacobian(q: Float64Array, frame: number, out: Float64Array): void;
  /** Pose of every body in the base: bodies.length × 7. Allocates nothing. */
  bodyPoses(q: Float64Array, out: Float64Array): void;
}
