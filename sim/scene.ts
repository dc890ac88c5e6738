/** What a compiled MuJoCo model looks like, as SceneDescription: for cameras and the 3D view. */
import type { GeomType, SceneDescription, SceneGeom, SceneLight, SceneMesh } from '../src/robot/scene.ts';
import { type MjData, type MjModel, type Mujoco, nameOf } from './mujoco.ts';

/** Geoms of this group are for contact alone and are not drawn; sites are drawn up to the group below (panda.xml). */
const COLLISION_GROUP = 3;
const LAST_SEEN_SITE_GROUP = 2;
type Triple = readonly [number, number, number];
type Quad = readonly [number, number, number, number];

/** `data` must have been forwarded once: lights are taken where they stand in the world. */
export function describeScene(mj: Mujoco, model: MjModel, data: MjData): SceneDescription {
  const bodies = Array.from({ length: model.nbody }, (_, i) => ({
    name: nameOf(mj, model, 'body', i),
    parent: i === 0 ? -1 : (model.body_parentid as Int32Array)[i]!,
    fixed: isFixed(model, i),
  }));
  const geoms = seen(mj, model).map(([kind, i]) => describeShape(mj, model, kind, i));
  const [skyTop, skyBottom] = describeSky(mj, model);
  return {
    bodies,
    geoms,
    meshes: Array.from({ length: model.nmesh }, (_, i) => describeMesh(model, i)),
    lights: describeLights(model, data),
    objects: objectNames(mj, model),
    skyTop,
    skyBottom,
  };
}

/** Joined to the world, or moved by the scene alone (mocap). */
export function isFixed(model: MjModel, body: number): boolean {
  return (model.body_weldid as Int32Array)[body] === 0 || (model.body_mocapid as Int32Array)[body]! >= 0;
}

/** Names of what a look is painted on: the material of each geom of the description, and its lights. */
export function lookNames(mj: Mujoco, model: MjModel): { materials: string[]; lights: string[] } {
  const materials = seen(mj, model).map(([kind, i]) => {
    const material = (model[`${kind}_matid`] as Int32Array)[i]!;
    return material < 0 ? '' : nameOf(mj, model, 'material', material);
  });
  const lights = activeLights(model).map((i) => nameOf(mj, model, 'light', i));
  return { materials, lights };
}

/** Geoms, then sites, that are drawn. */
function seen(mj: Mujoco, model: MjModel): ['geom' | 'site', number][] {
  const list: ['geom' | 'site', number][] = [];
  const add = (kind: 'geom' | 'site', i: number): void => {
    if (geomType(mj, (model[`${kind}_type`] as Int32Array)[i]!) !== null) list.push([kind, i]);
  };
  for (let g = 0; g < model.ngeom; g++) {
    if ((model.geom_group as Int32Array)[g] !== COLLISION_GROUP) add('geom', g);
  }
  for (let s = 0; s < model.nsite; s++) {
    if ((model.site_group as Int32Array)[s]! <= LAST_SEEN_SITE_GROUP) add('site', s);
  }
  return list;
}

/** Bodies that move freely: what can be grasped or pushed. */
export function objectNames(mj: Mujoco, model: MjModel): string[] {
  const free = mj.mjtJoint.mjJNT_FREE.value;
  const names: string[] = [];
  for (let j = 0; j < model.njnt; j++) {
    if ((model.jnt_type as Int32Array)[j] !== free) continue;
    names.push(nameOf(mj, model, 'body', (model.jnt_bodyid as Int32Array)[j]!));
  }
  return names;
}

/** A geom, or a site that stands for something seen only. */
function describeShape(mj: Mujoco, model: MjModel, kind: 'geom' | 'site', i: number): SceneGeom {
  const type = geomType(mj, (model[`${kind}_type`] as Int32Array)[i]!)!;
  const material = (model[`${kind}_matid`] as Int32Array)[i]!;
  const size = triple(model[`${kind}_size`], i);
  const checker = material < 0 ? null : describeChecker(mj, model, material, type, size);
  const plain = material < 0 ? quad(model[`${kind}_rgba`], i) : quad(model.mat_rgba, material);
  return {
    name: nameOf(mj, model, kind, i),
    body: (model[`${kind}_bodyid`] as Int32Array)[i]!,
    type,
    size,
    position: triple(model[`${kind}_pos`], i),
    orientation: xyzw(model[`${kind}_quat`], i),
    rgba: checker === null ? plain : [...checker.rgb1, plain[3]],
    mesh: type === 'mesh' ? (model[`${kind}_dataid`] as Int32Array)[i]! : -1,
    checker: checker === null ? null : { rgb2: checker.rgb2, perMetre: checker.perMetre },
    specular: material < 0 ? 0.5 : (model.mat_specular as Float32Array)[material]!,
    castsShadow: type !== 'plane',
  };
}

function geomType(mj: Mujoco, code: number): GeomType | null {
  const t = mj.mjtGeom;
  switch (code) {
    case t.mjGEOM_PLANE.value:
      return 'plane';
    case t.mjGEOM_BOX.value:
      return 'box';
    case t.mjGEOM_SPHERE.value:
      return 'sphere';
    case t.mjGEOM_CAPSULE.value:
      return 'capsule';
    case t.mjGEOM_CYLINDER.value:
      return 'cylinder';
    case t.mjGEOM_ELLIPSOID.value:
      return 'ellipsoid';
    case t.mjGEOM_MESH.value:
      return 'mesh';
    default:
      return null;
  }
}

/**
 * The compiled model keeps a builtin checker only as its pixels: two squares by two. One repeat of the texture is
 * therefore two squares; `texuniform` counts repeats per metre, otherwise they span the geom.
 */
function describeChecker(
  mj: Mujoco,
  model: MjModel,
  material: number,
  type: GeomType,
  size: Triple,
): { rgb1: Triple; rgb2: Triple; perMetre: number } | null {
  const roles = (model.mat_texid as Int32Array).length / model.nmat;
  const texture = (model.mat_texid as Int32Array)[material * roles + mj.mjtTextureRole.mjTEXROLE_RGB.value]!;
  if (texture < 0) return null;
  const width = (model.tex_width as Int32Array)[texture]!;
  const height = (model.tex_height as Int32Array)[texture]!;
  const rgb1 = pixel(model, texture, Math.floor(width / 4), Math.floor(height / 4));
  const rgb2 = pixel(model, texture, Math.floor((3 * width) / 4), Math.floor(height / 4));
  const repeat = (model.mat_texrepeat as Float32Array)[2 * material]!;
  const accessor = model.mat(material);
  const uniform = accessor.texuniform === true;
  accessor.delete();
  const span = type === 'plane' && size[0] > 0 ? 2 * size[0] : 1;
  return { rgb1, rgb2, perMetre: uniform ? 2 * repeat : (2 * repeat) / span };
}

function pixel(model: MjModel, texture: number, x: number, y: number): Triple {
  const width = (model.tex_width as Int32Array)[texture]!;
  const channels = (model.tex_nchannel as Int32Array)[texture]!;
  const start = Number((model.tex_adr as ArrayLike<number | bigint>)[texture]!);
  const at = start + (y * width + x) * channels;
  const data = model.tex_data as Uint8Array;
  return [data[at]! / 255, data[at + 1]! / 255, data[at + 2]! / 255];
}

/** The skybox is six square faces, one below the other: right, left, up, down, front, back. */
function describeSky(mj: Mujoco, model: MjModel): [Triple, Triple] {
  for (let t = 0; t < model.ntex; t++) {
    if ((model.tex_type as Int32Array)[t] !== mj.mjtTexture.mjTEXTURE_SKYBOX.value) continue;
    const width = (model.tex_width as Int32Array)[t]!;
    const middle = Math.floor(width / 2);
    return [pixel(model, t, middle, 2 * width + middle), pixel(model, t, middle, 3 * width + middle)];
  }
  return [
    [0.8, 0.85, 0.9],
    [0.6, 0.65, 0.7],
  ];
}

function describeMesh(model: MjModel, i: number): SceneMesh {
  const vertexStart = (model.mesh_vertadr as Int32Array)[i]!;
  const vertexCount = (model.mesh_vertnum as Int32Array)[i]!;
  const faceStart = (model.mesh_faceadr as Int32Array)[i]!;
  const faceCount = (model.mesh_facenum as Int32Array)[i]!;
  return {
    vertices: Float32Array.from(
      (model.mesh_vert as Float32Array).subarray(3 * vertexStart, 3 * (vertexStart + vertexCount)),
    ),
    triangles: Uint32Array.from(
      (model.mesh_face as Int32Array).subarray(3 * faceStart, 3 * (faceStart + faceCount)),
    ),
  };
}

function describeLights(model: MjModel, data: MjData): SceneLight[] {
  return activeLights(model).map((i) => {
    const accessor = model.light(i);
    const castsShadow = accessor.castshadow === true;
    accessor.delete();
    return {
      directional: (model.light_type as Int32Array)[i] === 1,
      position: triple(data.light_xpos, i),
      direction: triple(data.light_xdir, i),
      diffuse: triple(model.light_diffuse, i),
      ambient: triple(model.light_ambient, i),
      castsShadow,
    };
  });
}

/** Arrays of truth values cannot be read from MuJoCo's WebAssembly build, single ones can. */
function activeLights(model: MjModel): number[] {
  return Array.from({ length: model.nlight }, (_, i) => i).filter((i) => {
    const accessor = model.light(i);
    const active = accessor.active === true;
    accessor.delete();
    return active;
  });
}

const triple = (a: ArrayLike<number>, i: number): Triple => [a[3 * i]!, a[3 * i + 1]!, a[3 * i + 2]!];
const quad = (a: ArrayLike<number>, i: number): Quad => [
  a[4 * i]!,
  a[4 * i + 1]!,
  a[4 * i + 2]!,
  a[4 * i + 3]!,
];
/** MuJoCo's w, x, y, z turned into x, y, z, w. */
const xyzw = (a: ArrayLike<number>, i: number): Quad => [
  a[4 * i + 1]!,
  a[4 * i + 2]!,
  a[4 * i + 3]!,
  a[4 * i]!,
];
