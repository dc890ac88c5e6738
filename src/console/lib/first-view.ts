/** Where the 3D view looks from at first: over the operator's shoulder, +x away from the eye and +y to the left, as the keys say. */
export const firstView = {
  /** In the base, m. */
  eye: [-0.72, -1.18, 1.12],
  lookAt: [0.38, 0.02, 0.27],
  /** Vertical, degrees. */
  fovy: 42,
} as const;
