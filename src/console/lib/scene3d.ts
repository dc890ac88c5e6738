/** SceneDescription → three objects, one group per body; poses are set per body from the live stream. */
import * as THREE from 'three';
import { toCreasedNormals } from 'three/addons/utils/BufferGeometryUtils.js';
import type { SceneGeom } from '../../robot/scene.ts';
import type { JsonScene } from '../../server/protocol.ts';

/** Half side of a plane that MuJoCo calls endless, m. */
const ENDLESS = 12;

export interface BuiltScene {
  readonly root: THREE.Group;
  readonly bodies: readonly THREE.Group[];
  /** Those of them that a push can move. */
  readonly movable: ReadonlySet<THREE.Object3D>;
  dispose(): void;
}

export function buildScene(scene: JsonScene): BuiltScene {
  const root = new THREE.Group();
  const meshes = scene.meshes.map((m) => meshGeometry(m.vertices, m.triangles));
  const owned: { dispose(): void }[] = [...meshes];
  const bodies = scene.bodies.map((b) => {
    const group = new THREE.Group();
    group.name = b.name;
    root.add(group);
    return group;
  });
  for (const geom of scene.geoms) {
    if (geom.rgba[3] <= 0.01) continue;
    const geometry = geom.type === 'mesh' ? meshes[geom.mesh] : primitive(geom);
    const body = bodies[geom.body];
    if (!geometry || !body) continue;
    const material = materialOf(geom);
    owned.push(geometry, material);
    if (material.map) owned.push(material.map);
    const object = new THREE.Mesh(geometry, material);
    object.name = geom.name;
    object.position.fromArray(geom.position);
    object.quaternion.fromArray(geom.orientation);
    if (geom.type === 'ellipsoid') object.scale.fromArray(geom.size);
    object.castShadow = geom.castsShadow && geom.type !== 'plane';
    object.receiveShadow = true;
    body.add(object);
  }
  return {
    root,
    bodies,
    movable: new Set(bodies.filter((_, i) => scene.bodies[i]?.fixed === false)),
    dispose: () => {
      for (const o of owned) o.dispose();
    },
  };
}

/** Writes body poses (p x y z, quaternion x y z w per body) from a live block. */
export function poseBodies(bodies: readonly THREE.Group[], block: Float64Array, offset: number): void {
  for (let i = 0; i < bodies.length; i++) {
    const group = bodies[i]!;
    const at = offset + 7 * i;
    group.position.fromArray(block, at);
    group.quaternion.fromArray(block, at + 3);
  }
}

function primitive(geom: SceneGeom): THREE.BufferGeometry {
  const [a, b, c] = geom.size;
  switch (geom.type) {
    case 'plane':
      return new THREE.PlaneGeometry(2 * (a || ENDLESS), 2 * (b || ENDLESS));
    case 'box':
      return new THREE.BoxGeometry(2 * a, 2 * b, 2 * c);
    case 'sphere':
      return new THREE.SphereGeometry(a, 32, 20);
    case 'ellipsoid':
      return new THREE.SphereGeometry(1, 32, 20);
    // three lays both along y, MuJoCo along z.
    case 'capsule':
      return new THREE.CapsuleGeometry(a, 2 * b, 10, 28).rotateX(Math.PI / 2);
    case 'cylinder':
      return new THREE.CylinderGeometry(a, a, 2 * b, 40).rotateX(Math.PI / 2);
    case 'mesh':
      return new THREE.BufferGeometry();
    default:
      return geom.type satisfies never;
  }
}

function meshGeometry(vertices: readonly number[], triangles: readonly number[]): THREE.BufferGeometry {
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute('position', new THREE.Float32BufferAttribute(vertices, 3));
  geometry.setIndex([...triangles]);
  const creased = toCreasedNormals(geometry, Math.PI / 5);
  geometry.dispose();
  return creased;
}

function materialOf(geom: SceneGeom): THREE.MeshStandardMaterial {
  const [r, g, b, alpha] = geom.rgba;
  const material = new THREE.MeshStandardMaterial({
    roughness: 0.85 - 0.55 * geom.specular,
    metalness: 0,
    transparent: alpha < 0.99,
    opacity: alpha,
    depthWrite: alpha >= 0.99,
  });
  if (geom.checker) {
    material.map = checkerTexture(geom);
  } else {
    material.color.setRGB(r, g, b, THREE.SRGBColorSpace);
  }
  return material;
}

/** A two-by-two tile, repeated so that each square has the size that the scene says. */
function checkerTexture(geom: SceneGeom): THREE.Texture {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 2;
  const pen = canvas.getContext('2d');
  const css = (rgb: readonly number[]): string =>
    `rgb(${rgb
      .slice(0, 3)
      .map((v) => Math.round(255 * v))
      .join(' ')})`;
  if (pen && geom.checker) {
    pen.fillStyle = css(geom.rgba);
    pen.fillRect(0, 0, 2, 2);
    pen.fillStyle = css(geom.checker.rgb2);
    pen.fillRect(0, 0, 1, 1);
    pen.fillRect(1, 1, 1, 1);
  }
  const texture = new THREE.CanvasTexture(canvas);
  texture.colorSpace = THREE.SRGBColorSpace;
  texture.wrapS = texture.wrapT = THREE.RepeatWrapping;
  texture.magFilter = THREE.NearestFilter;
  texture.anisotropy = 8;
  const perMetre = geom.checker?.perMetre ?? 1;
  texture.repeat.set((geom.size[0] || ENDLESS) * perMetre, (geom.size[1] || ENDLESS) * perMetre);
  return texture;
}
