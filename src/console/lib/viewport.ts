/**
 * The 3D view: renderer, camera, lights, marks for tool and command, the planned way of the tool, the draggable target, and
 * the hand that pushes simulated bodies. Draws at most 30
 * times a second, only when something changed and only while it can be seen. On slow machines (software GL) it
 * lowers its own quality rather than hold up the page.
 */
import * as THREE from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
import { TransformControls } from 'three/addons/controls/TransformControls.js';
import { PATH_POINTS } from '../../robot/plan.ts';
import type { JsonScene } from '../../server/protocol.ts';
import { firstView } from './first-view.ts';
import { PlanPath } from './plan-path.ts';
import { PushHandle } from './push-handle.ts';
import type { PushHold } from './pushing.ts';
import { type BuiltScene, buildScene, poseBodies } from './scene3d.ts';

/** `off` draws nothing and asks for no WebGL. */
export type Quality = 'full' | 'low' | 'off';

export interface ViewportColors {
  readonly background: string;
  readonly grid: string;
  readonly plan: string;
  readonly push: string;
}

const FRAME_MS = { full: 1000 / 30, low: 1000 / 8 } as const;
/**
 * When the browser needs longer than this, on average, from one picture to the next, quality goes down. The time of the
 * draw call says nothing: the work is done in another process, which holds up the next frame instead.
 */
const SLOW_MS = 60;
const SLOW_FRAMES = 10;
/** In low quality, drawing may take this share of the time: software GL draws on the cores that the rig runs on. */
const LOW_SHARE = 0.2;
const LONGEST_WAIT_MS = 1000;
/** Poses that moved by less than this (m, or quaternion units) since the last picture need no new one. */
const STILL = 3e-5;
/** A longer pause is a hidden page or a sleeping machine. */
const PAUSE_MS = 5000;

const EYE = new THREE.Vector3(...firstView.eye);
const LOOK_AT = new THREE.Vector3(...firstView.lookAt);

export class Viewport {
  /** Pose of the target while it is dragged: p x y z, quaternion x y z w. */
  onDrag: (pose: Float64Array) => void = () => {};
  onDragState: (dragging: boolean) => void = () => {};
  /** The spring that is held at a simulated body, with every move of the pointer; null once it is let go. */
  onPush: (push: PushHold | null) => void = () => {};
  onQuality: (quality: Quality) => void = () => {};
  /** Directions of the world axes on the screen, for the legend: x0 y0 x1 y1 x2 y2, y down, length ≤ 1. */
  onAxes: (directions: readonly number[]) => void = () => {};

  readonly #renderer: THREE.WebGLRenderer;
  readonly #scene = new THREE.Scene();
  readonly #camera = new THREE.PerspectiveCamera(firstView.fovy, 1, 0.05, 30);
  readonly #orbit: OrbitControls;
  readonly #gizmo: TransformControls;
  readonly #target = new THREE.Group();
  readonly #tool = triad(0.07, 0.9);
  readonly #ghost = ghostHand();
  readonly #path = new PlanPath(PATH_POINTS);
  readonly #push = new PushHandle();
  readonly #pointer = new THREE.Vector2();
  readonly #sun = new THREE.DirectionalLight(0xffffff, 2.1);
  readonly #sky = new THREE.HemisphereLight(0xffffff, 0x8a8f98, 1.25);
  readonly #pose = new Float64Array(7);
  readonly #resize: ResizeObserver;
  readonly #sight: IntersectionObserver;
  readonly #box: HTMLElement;
  #grid: THREE.LineSegments<THREE.BufferGeometry, THREE.LineBasicMaterial> | null = null;
  #built: BuiltScene | null = null;
  #quality: 'full' | 'low';
  #dirty = true;
  #seen = true;
  #frame = 0;
  #drawnAt = 0;
  #lastFrame = 0;
  #drew = false;
  #cost = 0;
  #costFrames = -2;
  /** Not drawn before this time, ms. */
  #notBefore = 0;
  #shown = new Float64Array(0);
  #dragging = false;
  #pushable = false;
  #marked = false;
  #disposed = false;

  /** Throws when the browser has no WebGL. */
  constructor(box: HTMLElement, quality: 'full' | 'low') {
    this.#box = box;
    this.#quality = quality;
    this.#renderer = new THREE.WebGLRenderer({ antialias: quality === 'full', powerPreference: 'low-power' });
    this.#renderer.shadowMap.type = THREE.PCFShadowMap;
    this.#renderer.domElement.style.display = 'block';
    box.append(this.#renderer.domElement);

    this.#listenForPushes();
    this.#camera.up.set(0, 0, 1);
    this.#camera.position.copy(EYE);
    this.#orbit = new OrbitControls(this.#camera, this.#renderer.domElement);
    this.#orbit.target.copy(LOOK_AT);
    this.#orbit.minDistance = 0.25;
    this.#orbit.maxDistance = 5;
    this.#orbit.maxPolarAngle = Math.PI * 0.495;
    this.#orbit.addEventListener('change', () => this.invalidate());
    this.#orbit.update();

    this.#sun.position.set(0.3, -0.9, 2.2);
    this.#sun.target.position.set(0.45, 0, 0);
    const shadow = this.#sun.shadow;
    shadow.mapSize.set(1024, 1024);
    Object.assign(shadow.camera, { left: -1.1, right: 1.1, top: 1.1, bottom: -1.1, near: 0.5, far: 4.5 });
    shadow.radius = 4;
    shadow.normalBias = 0.01;
    this.#scene.add(this.#sun, this.#sun.target, this.#sky, this.#tool, this.#ghost, this.#target);
    this.#scene.add(this.#path.object, this.#push.mark);

    this.#gizmo = new TransformControls(this.#camera, this.#renderer.domElement);
    this.#gizmo.setSize(0.8);
    this.#target.add(triad(0.05, 1));
    this.#gizmo.attach(this.#target);
    this.#gizmo.addEventListener('change', () => this.invalidate());
    this.#gizmo.addEventListener('objectChange', () => this.#dragged());
    this.#gizmo.addEventListener('axis-changed', (event) => {
      this.#cursor(event.value === null ? '' : 'grab');
    });
    this.#gizmo.addEventListener('dragging-changed', (event) => {
      this.#dragging = event.value === true;
      this.#orbit.enabled = !this.#dragging;
      this.#dragged();
      this.onDragState(this.#dragging);
    });
    this.#scene.add(this.#gizmo.getHelper());
    this.setGizmo(null);

    this.#applyQuality();
    this.#resize = new ResizeObserver(() => this.#fit());
    this.#resize.observe(box);
    this.#sight = new IntersectionObserver((entries) => {
      this.#seen = entries.at(-1)?.isIntersecting ?? true;
      this.invalidate();
    });
    this.#sight.observe(box);
    this.#fit();
    const loop = (now: number): void => {
      if (this.#disposed) return;
      this.#frame = requestAnimationFrame(loop);
      if (this.#drew) this.#watchCost(now, now - this.#lastFrame);
      this.#lastFrame = now;
      this.#drew = this.#draw(now);
    };
    this.#frame = requestAnimationFrame(loop);
  }

  /** Asks for a new picture. */
  invalidate(): void {
    this.#dirty = true;
  }

  setScene(scene: JsonScene | null): void {
    this.#letGo();
    if (this.#built) {
      this.#scene.remove(this.#built.root);
      this.#built.dispose();
      this.#built = null;
    }
    if (scene) {
      this.#built = buildScene(scene);
      this.#scene.add(this.#built.root);
    }
    this.#shown = new Float64Array(0);
    this.invalidate();
  }

  setColors(colors: ViewportColors): void {
    this.#scene.background = new THREE.Color(colors.background);
    this.#scene.fog = new THREE.Fog(colors.background, 3.2, 8);
    if (this.#grid) {
      this.#scene.remove(this.#grid);
      this.#grid.geometry.dispose();
      this.#grid.material.dispose();
    }
    this.#grid = tableGrid(colors.grid);
    this.#path.setColor(colors.plan);
    this.#push.setColor(colors.push);
    this.#scene.add(this.#grid);
    this.invalidate();
  }

  /** Body poses, measured tool and commanded tool from one block, by their offsets; −1 hides a mark. */
  show(block: Float64Array, poses: number, tool: number, toolCmd: number): void {
    if (!this.#moved(block, poses, tool, toolCmd)) return;
    if (this.#built && poses >= 0) poseBodies(this.#built.bodies, block, poses);
    place(this.#tool, block, tool);
    place(this.#ghost, block, toolCmd);
    this.#push.follow();
    this.invalidate();
  }

  /** The planned way of the tool by its offset; −1 or NaN hides it. */
  showPlan(block: Float64Array, at: number): void {
    if (this.#path.show(block, at)) this.invalidate();
  }

  /** Puts the target; ignored while it is dragged. */
  setTarget(pose: ArrayLike<number>): void {
    if (this.#dragging) return;
    this.#target.position.fromArray(pose as number[], 0);
    this.#target.quaternion.fromArray(pose as number[], 3);
    this.invalidate();
  }

  /** Shows the handles, in the frame of the base or of the tool; null hides them. */
  setGizmo(mode: 'translate' | 'rotate' | null, space: 'world' | 'local' = 'world'): void {
    this.#gizmo.enabled = mode !== null;
    this.#gizmo.getHelper().visible = mode !== null;
    this.#target.visible = mode !== null || this.#marked;
    if (mode) {
      this.#gizmo.setMode(mode);
      this.#gizmo.setSpace(space);
    }
    this.invalidate();
  }

  /** Shows the target even without handles. */
  markTarget(marked: boolean): void {
    this.#marked = marked;
    this.#target.visible = marked || this.#gizmo.enabled;
    this.invalidate();
  }

  /** Whether dragging on a body that can be moved pushes it; elsewhere the view turns. */
  setPushable(pushable: boolean): void {
    this.#pushable = pushable;
    if (!pushable) this.#letGo();
  }

  /** Back to the first view. */
  resetView(): void {
    this.#camera.position.copy(EYE);
    this.#orbit.target.copy(LOOK_AT);
    this.#orbit.update();
    this.invalidate();
  }

  dispose(): void {
    this.#disposed = true;
    cancelAnimationFrame(this.#frame);
    this.#resize.disconnect();
    this.#sight.disconnect();
    this.#letGo();
    this.#gizmo.dispose();
    this.#path.dispose();
    this.#push.dispose();
    this.#orbit.dispose();
    this.#built?.dispose();
    removeEventListener('blur', this.#letGo);
    this.#renderer.dispose();
    // Browsers keep few contexts; this one is not left to the garbage collector.
    this.#renderer.forceContextLoss();
    this.#renderer.domElement.remove();
  }

  /** Whether what is to be shown differs visibly from what was shown last; if so, notes it. */
  #moved(block: Float64Array, poses: number, tool: number, toolCmd: number): boolean {
    const bodies = this.#built && poses >= 0 ? 7 * this.#built.bodies.length : 0;
    const size = bodies + 14;
    let moved = this.#shown.length !== size;
    if (moved) this.#shown = new Float64Array(size).fill(Number.NaN);
    const kept = this.#shown;
    const part = (from: number, to: number, count: number): void => {
      for (let i = 0; i < count && !moved; i++) {
        const value = from < 0 ? 0 : block[from + i]!;
        moved = !(Math.abs(value - kept[to + i]!) < STILL);
      }
    };
    part(poses, 0, bodies);
    part(tool, bodies, 7);
    part(toolCmd, bodies + 7, 7);
    if (!moved) return false;
    for (let i = 0; i < bodies; i++) kept[i] = block[poses + i]!;
    for (let i = 0; i < 7; i++) {
      kept[bodies + i] = tool < 0 ? 0 : block[tool + i]!;
      kept[bodies + 7 + i] = toolCmd < 0 ? 0 : block[toolCmd + i]!;
    }
    return true;
  }

  /** On the box, so that what takes hold of a body is seen before the camera's and the handles' own listeners. */
  #listenForPushes(): void {
    const on = (type: string, act: (event: PointerEvent) => void): void =>
      this.#box.addEventListener(type, (event) => act(event as PointerEvent), { capture: true });
    on('pointerdown', (event) => {
      if (event.button !== 0 || !this.#pushable || this.#built === null || this.#onHandle) return;
      this.#point(event);
      if (!this.#push.take(this.#built, this.#pointer, this.#camera)) return;
      event.stopPropagation();
      this.#renderer.domElement.setPointerCapture(event.pointerId);
      this.#cursor('grabbing');
      this.#pushed();
    });
    on('pointermove', (event) => {
      if (this.#push.held) {
        event.stopPropagation();
        this.#point(event);
        this.#push.move(this.#pointer, this.#camera);
        this.#pushed();
      } else if (this.#pushable && this.#built !== null && event.buttons === 0 && !this.#onHandle) {
        this.#point(event);
        this.#cursor(this.#push.over(this.#built, this.#pointer, this.#camera) ? 'pointer' : '');
      }
    });
    for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) on(type, () => this.#letGo());
    addEventListener('blur', this.#letGo);
  }

  get #onHandle(): boolean {
    return this.#gizmo.enabled && this.#gizmo.axis !== null;
  }

  #point(event: PointerEvent): void {
    const { left, top, width, height } = this.#box.getBoundingClientRect();
    this.#pointer.set((2 * (event.clientX - left)) / width - 1, 1 - (2 * (event.clientY - top)) / height);
  }

  #cursor(name: string): void {
    this.#renderer.domElement.style.cursor = name;
  }

  #pushed(): void {
    this.onPush(this.#push.hold);
    this.invalidate();
  }

  readonly #letGo = (): void => {
    if (!this.#push.held) return;
    this.#push.letGo();
    this.#cursor('');
    this.#pushed();
  };

  #dragged(): void {
    this.#target.position.toArray(this.#pose, 0);
    this.#target.quaternion.toArray(this.#pose, 3);
    this.onDrag(this.#pose);
  }

  /** Whether it drew. */
  #draw(now: number): boolean {
    if (!this.#dirty || !this.#seen || document.visibilityState !== 'visible') return false;
    if (now - this.#drawnAt < FRAME_MS[this.#quality] - 2 || now < this.#notBefore) return false;
    this.#drawnAt = now;
    this.#dirty = false;
    this.#renderer.render(this.#scene, this.#camera);
    this.#legend();
    return true;
  }

  #watchCost(now: number, ms: number): void {
    if (ms > PAUSE_MS) return;
    if (this.#quality === 'low') {
      this.#notBefore = now + Math.min(LONGEST_WAIT_MS, ms * (1 / LOW_SHARE - 1));
      return;
    }
    // The first pictures compile shaders; they say nothing.
    if (this.#costFrames++ < 0) return;
    this.#cost += ms;
    if (this.#costFrames < SLOW_FRAMES) return;
    if (this.#cost / SLOW_FRAMES > SLOW_MS) {
      this.#quality = 'low';
      this.#applyQuality();
      this.#fit();
    }
    this.#cost = 0;
    this.#costFrames = 0;
  }

  #applyQuality(): void {
    const full = this.#quality === 'full';
    this.#renderer.shadowMap.enabled = full;
    this.#sun.castShadow = full;
    this.#renderer.setPixelRatio(full ? Math.min(2, devicePixelRatio) : 0.5);
    this.#scene.traverse((o) => {
      if (o instanceof THREE.Mesh)
        for (const m of [o.material].flat()) (m as THREE.Material).needsUpdate = true;
    });
    this.onQuality(this.#quality);
    this.invalidate();
  }

  #fit(): void {
    const { clientWidth: width, clientHeight: height } = this.#box;
    if (width === 0 || height === 0) return;
    this.#renderer.setSize(width, height);
    this.#camera.aspect = width / height;
    this.#camera.updateProjectionMatrix();
    this.invalidate();
  }

  #legend(): void {
    const inverse = this.#camera.quaternion.clone().invert();
    const directions: number[] = [];
    for (const axis of [new THREE.Vector3(1, 0, 0), new THREE.Vector3(0, 1, 0), new THREE.Vector3(0, 0, 1)]) {
      axis.applyQuaternion(inverse);
      directions.push(axis.x, -axis.y);
    }
    this.onAxes(directions);
  }
}

function place(object: THREE.Object3D, block: Float64Array, at: number): void {
  object.visible = at >= 0 && Number.isFinite(block[at]);
  if (!object.visible) return;
  object.position.fromArray(block, at);
  object.quaternion.fromArray(block, at + 3);
}

/** Lines each 10 cm over the working area, just above the table top so that neither hides the other in patches. */
function tableGrid(color: string): THREE.LineSegments<THREE.BufferGeometry, THREE.LineBasicMaterial> {
  const points: number[] = [];
  const z = 0.0012;
  for (let i = 0; i <= 8; i++) points.push(0.1 + i / 10, -0.6, z, 0.1 + i / 10, 0.6, z);
  for (let i = -6; i <= 6; i++) points.push(0.1, i / 10, z, 0.9, i / 10, z);
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute('position', new THREE.Float32BufferAttribute(points, 3));
  const material = new THREE.LineBasicMaterial({ color, transparent: true, opacity: 0.3, depthWrite: false });
  return new THREE.LineSegments(geometry, material);
}

/** Axis colours, the same in the legend. */
export const AXIS_COLORS = ['#d9483b', '#3f9b4f', '#3d78d8'] as const;

function triad(length: number, opacity: number): THREE.Group {
  const group = new THREE.Group();
  const turns: readonly [number, number, number][] = [
    [0, 0, -Math.PI / 2],
    [0, 0, 0],
    [Math.PI / 2, 0, 0],
  ];
  turns.forEach((turn, i) => {
    const material = new THREE.MeshBasicMaterial({
      color: AXIS_COLORS[i] ?? '#888888',
      transparent: true,
      opacity,
      depthTest: false,
    });
    const rod = new THREE.Mesh(
      new THREE.CylinderGeometry(0.0022, 0.0022, length, 8).translate(0, length / 2, 0),
      material,
    );
    rod.rotation.set(...turn);
    rod.renderOrder = 5;
    group.add(rod);
  });
  return group;
}

/** A see-through hand where the command is: palm and two fingers, approach along +z. */
function ghostHand(): THREE.Group {
  const group = new THREE.Group();
  const material = new THREE.MeshBasicMaterial({
    color: '#3d78d8',
    transparent: true,
    opacity: 0.16,
    depthWrite: false,
  });
  const part = (x: number, y: number, z: number, w: number, d: number, h: number): void => {
    const mesh = new THREE.Mesh(new THREE.BoxGeometry(w, d, h), material);
    mesh.position.set(x, y, z);
    group.add(mesh);
  };
  part(0, 0, -0.075, 0.05, 0.2, 0.05);
  part(0, 0.05, -0.02, 0.022, 0.014, 0.06);
  part(0, -0.05, -0.02, 0.022, 0.014, 0.06);
  return group;
}
