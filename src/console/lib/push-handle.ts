/**
 * Taking hold of a body of the scene with the pointer: the point under it is held, and the pointer moves the other end of
 * a spring in the plane of the screen through that point.
 */
import * as THREE from 'three';
import type { PushHold } from './pushing.ts';
import type { BuiltScene } from './scene3d.ts';

export class PushHandle {
  /** Line from the held point to the pointer, with a ball at either end; shown while something is held. */
  readonly mark = new THREE.Group();
  readonly #ray = new THREE.Raycaster();
  readonly #hits: THREE.Intersection[] = [];
  readonly #plane = new THREE.Plane();
  readonly #normal = new THREE.Vector3();
  /** In the body, and in the world. */
  readonly #point = new THREE.Vector3();
  readonly #at = new THREE.Vector3();
  readonly #towards = new THREE.Vector3();
  readonly #rod: THREE.Mesh<THREE.CylinderGeometry, THREE.MeshBasicMaterial>;
  readonly #balls: readonly THREE.Mesh[];
  #body: THREE.Object3D | null = null;

  constructor() {
    const material = new THREE.MeshBasicMaterial({ transparent: true, opacity: 0.9, depthTest: false });
    const rod = new THREE.CylinderGeometry(0.003, 0.003, 1, 8).rotateX(Math.PI / 2).translate(0, 0, 0.5);
    this.#rod = new THREE.Mesh(rod, material);
    const ball = new THREE.SphereGeometry(0.01, 12, 8);
    this.#balls = [new THREE.Mesh(ball, material), new THREE.Mesh(ball, material)];
    for (const part of [this.#rod, ...this.#balls]) {
      part.renderOrder = 6;
      this.mark.add(part);
    }
    this.mark.visible = false;
  }

  get held(): boolean {
    return this.#body !== null;
  }

  setColor(color: string): void {
    this.#rod.material.color.set(color);
  }

  /** Whether a body that can be moved lies under the pointer (−1..1 on both axes, y up). */
  over(scene: BuiltScene, pointer: THREE.Vector2, camera: THREE.Camera): boolean {
    return this.#hit(scene, pointer, camera) !== null;
  }

  /** Takes hold of what lies under the pointer. False when that cannot be moved. */
  take(scene: BuiltScene, pointer: THREE.Vector2, camera: THREE.Camera): boolean {
    const hit = this.#hit(scene, pointer, camera);
    if (hit === null) return false;
    const body = hit.object.parent!;
    this.#body = body;
    this.#point.copy(hit.point);
    body.worldToLocal(this.#point);
    this.#at.copy(hit.point);
    this.#towards.copy(hit.point);
    this.#plane.setFromNormalAndCoplanarPoint(camera.getWorldDirection(this.#normal), hit.point);
    this.mark.visible = true;
    this.follow();
    return true;
  }

  move(pointer: THREE.Vector2, camera: THREE.Camera): void {
    this.#ray.setFromCamera(pointer, camera);
    this.#ray.ray.intersectPlane(this.#plane, this.#towards);
    this.follow();
  }

  letGo(): void {
    this.#body = null;
    this.mark.visible = false;
  }

  /** Lays the mark where the body is now. */
  follow(): void {
    if (this.#body === null) return;
    this.#body.updateWorldMatrix(true, false);
    this.#at.copy(this.#point);
    this.#body.localToWorld(this.#at);
    this.#rod.position.copy(this.#at);
    this.#rod.lookAt(this.#towards);
    this.#rod.scale.set(1, 1, Math.max(1e-4, this.#at.distanceTo(this.#towards)));
    this.#balls[0]!.position.copy(this.#at);
    this.#balls[1]!.position.copy(this.#towards);
  }

  /** What is held, for the simulation; null for nothing. */
  get hold(): PushHold | null {
    if (this.#body === null) return null;
    const { x, y, z } = this.#point;
    const t = this.#towards;
    return { body: this.#body.name, point: [x, y, z], towards: [t.x, t.y, t.z] };
  }

  dispose(): void {
    this.#rod.geometry.dispose();
    this.#rod.material.dispose();
    this.#balls[0]!.geometry.dispose();
  }

  /** The nearest body under the pointer; what can be seen through does not hide what is behind it. */
  #hit(scene: BuiltScene, pointer: THREE.Vector2, camera: THREE.Camera): THREE.Intersection | null {
    this.#ray.setFromCamera(pointer, camera);
    this.#hits.length = 0;
    this.#ray.intersectObject(scene.root, true, this.#hits);
    for (const hit of this.#hits) {
      if (!(hit.object instanceof THREE.Mesh) || (hit.object.material as THREE.Material).transparent)
        continue;
      return scene.movable.has(hit.object.parent!) ? hit : null;
    }
    return null;
  }
}
