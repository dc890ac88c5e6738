/**
 * The planned way of the tool in the 3D view: a line, and beads that lie evenly in time, so that their distances show the
 * speed; the last one is where the horizon ends. Buffers are written in place: an update allocates nothing.
 */
import * as THREE from 'three';
import { LineMaterial } from 'three/addons/lines/LineMaterial.js';
import { LineSegments2 } from 'three/addons/lines/LineSegments2.js';
import { LineSegmentsGeometry } from 'three/addons/lines/LineSegmentsGeometry.js';

/** Pixels. */
const WIDTH = 3;
/** m. */
const BEAD = 0.005;
const END = 0.011;
/** Less than this, m, is not worth a picture. */
const STILL = 2e-4;

export class PlanPath {
  readonly object = new THREE.Group();
  readonly #points: Float32Array;
  readonly #segments: Float32Array;
  readonly #line: LineSegments2;
  readonly #material = new LineMaterial({ linewidth: WIDTH, transparent: true, depthTest: false });
  readonly #beads: THREE.InstancedMesh<THREE.SphereGeometry, THREE.MeshBasicMaterial>;
  readonly #matrix = new THREE.Matrix4();

  /** `points`: how many there are. */
  constructor(points: number) {
    this.#points = new Float32Array(3 * points).fill(Number.NaN);
    this.#segments = new Float32Array(6 * (points - 1));
    const geometry = new LineSegmentsGeometry();
    geometry.setPositions(this.#segments);
    this.#line = new LineSegments2(geometry, this.#material);
    const bead = new THREE.MeshBasicMaterial({ transparent: true, depthTest: false });
    this.#beads = new THREE.InstancedMesh(new THREE.SphereGeometry(1, 10, 8), bead, points);
    this.#beads.instanceMatrix.setUsage(THREE.DynamicDrawUsage);
    for (const part of [this.#line, this.#beads]) {
      // Their bounds are never computed again.
      part.frustumCulled = false;
      part.renderOrder = 4;
      this.object.add(part);
    }
    this.object.visible = false;
  }

  setColor(color: string): void {
    this.#material.color.set(color);
    this.#beads.material.color.set(color);
  }

  /** Takes the points from a block, x y z each; NaN, or −1 for `at`, hides it. Whether there is something new to draw. */
  show(block: Float64Array, at: number): boolean {
    const points = this.#points;
    const known = at >= 0 && Number.isFinite(block[at]!);
    const shown = this.object.visible;
    this.object.visible = known;
    if (!known) return shown;
    let moved = !shown;
    for (let i = 0; i < points.length && !moved; i++)
      moved = !(Math.abs(block[at + i]! - points[i]!) < STILL);
    if (!moved) return false;
    for (let i = 0; i < points.length; i++) points[i] = block[at + i]!;
    this.#lay();
    return true;
  }

  dispose(): void {
    this.#line.geometry.dispose();
    this.#material.dispose();
    this.#beads.geometry.dispose();
    this.#beads.material.dispose();
    this.#beads.dispose();
  }

  #lay(): void {
    const points = this.#points;
    const segments = this.#segments;
    const count = points.length / 3;
    for (let i = 0; i < count; i++) {
      const from = 3 * i;
      const end = i === count - 1;
      for (let k = 0; k < 3; k++) {
        if (!end) segments[6 * i + k] = points[from + k]!;
        if (i > 0) segments[6 * (i - 1) + 3 + k] = points[from + k]!;
      }
      const size = end ? END : BEAD;
      this.#matrix.makeScale(size, size, size);
      this.#matrix.setPosition(points[from]!, points[from + 1]!, points[from + 2]!);
      this.#beads.setMatrixAt(i, this.#matrix);
    }
    this.#beads.instanceMatrix.needsUpdate = true;
    const start = this.#line.geometry.getAttribute('instanceStart') as THREE.InterleavedBufferAttribute;
    start.data.needsUpdate = true;
  }
}
