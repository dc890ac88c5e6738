/** A point of view: where it stands and how it projects. Used for cameras and for the light that casts shadows. */

/** Nearest distance that is drawn, m. */
export const NEAR = 0.005;

export class View {
  /** World → view, rotation rows (right, down, forward) and translation. */
  readonly matrix = new Float64Array(12);
  /** Position in the world; meaningless for a parallel view. */
  readonly origin = new Float64Array(3);
  projection: 'perspective' | 'parallel' = 'perspective';
  /** Samples per unit of X/Z (perspective) or per metre (parallel). */
  focal = 1;
  /** Image centre in samples. */
  cx = 0;
  cy = 0;
  /** Size of the image in samples. */
  width = 0;
  height = 0;
  /** Parallel views: the Z at which d is 0. */
  far = 0;

  /** Sets size and centre in samples. */
  size(width: number, height: number): void {
    this.width = width;
    this.height = height;
    this.cx = width / 2;
    this.cy = height / 2;
  }

  /** Stands at the translation of `pose`, whose x is right, y is up and −z the direction of sight. */
  place(pose: Float64Array): void {
    const m = this.matrix;
    for (let c = 0; c < 3; c++) {
      m[c] = pose[3 * c]!;
      m[3 + c] = -pose[3 * c + 1]!;
      m[6 + c] = -pose[3 * c + 2]!;
      this.origin[c] = pose[9 + c]!;
    }
    this.#translate();
  }

  /** Stands at (x, y, z) and looks along (dx, dy, dz), with any roll. */
  look(x: number, y: number, z: number, dx: number, dy: number, dz: number): void {
    const length = Math.sqrt(dx * dx + dy * dy + dz * dz) || 1;
    const fx = dx / length;
    const fy = dy / length;
    const fz = dz / length;
    // Right = forward × an axis that is not parallel to it: x, or y when the view runs along x.
    const alongX = Math.abs(fx) > 0.9;
    let rx = alongX ? -fz : 0;
    let ry = alongX ? 0 : fz;
    let rz = alongX ? fx : -fy;
    const r = Math.sqrt(rx * rx + ry * ry + rz * rz);
    rx /= r;
    ry /= r;
    rz /= r;
    const m = this.matrix;
    m[0] = rx;
    m[1] = ry;
    m[2] = rz;
    // Down = forward × right.
    m[3] = fy * rz - fz * ry;
    m[4] = fz * rx - fx * rz;
    m[5] = fx * ry - fy * rx;
    m[6] = fx;
    m[7] = fy;
    m[8] = fz;
    this.origin[0] = x;
    this.origin[1] = y;
    this.origin[2] = z;
    this.#translate();
  }

  #translate(): void {
    const m = this.matrix;
    const o = this.origin;
    for (let r = 0; r < 3; r++) {
      m[9 + r] = -(m[3 * r]! * o[0]! + m[3 * r + 1]! * o[1]! + m[3 * r + 2]! * o[2]!);
    }
  }
}
