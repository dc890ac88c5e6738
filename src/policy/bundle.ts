/**
 * Policy bundles on disk: a folder with policy.json and, unless the policy runs elsewhere, its model. A bundle is data:
 * nothing in it is executed but the model, and no file outside the folder is read.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { ArmloopError } from '../errors.ts';
import { schemaProblem } from '../robot/schema-problem.ts';
import { PolicyManifest } from './manifest.ts';

export const MANIFEST_FILE = 'policy.json';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

export interface Bundle {
  /** Absolute. */
  readonly folder: string;
  readonly manifest: PolicyManifest;
  /** SHA-256 of policy.json: with the hash of the model in it, it names the policy to the byte. */
  readonly sha256: string;
}

/** One line of a list of policies. */
export interface BundleSummary {
  readonly name: string;
  readonly folder: string;
  readonly manifest: PolicyManifest | null;
  /** Why it cannot be used, '' when it can. */
  readonly problem: string;
}

/** Reads policy.json and checks its form; the model is checked by `readModel`. Throws POLICY_UNREADABLE, POLICY_INVALID. */
export function loadBundle(folder: string): Bundle {
  const file = join(resolve(folder), MANIFEST_FILE);
  const text = read(file, file).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ArmloopError('POLICY_UNREADABLE', { policy: file, reason: words(error) }, { cause: error });
  }
  const problem = schemaProblem(PolicyManifest, value);
  if (problem !== null) throw new ArmloopError('POLICY_INVALID', { file, ...problem });
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { folder: resolve(folder), manifest: value as PolicyManifest, sha256 };
}

/**
 * Absolute path of a file of the bundle. Throws POLICY_UNREADABLE for one that is missing, or that lies outside of the
 * folder, by its name or through a link.
 */
export function bundleFile(bundle: Pick<Bundle, 'folder'>, name: string): string {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new ArmloopError('POLICY_UNREADABLE', { policy: join(bundle.folder, name), reason }, { cause });
  };
  if (isAbsolute(name) || name.split(/[/\\]/).includes('..')) refuse('the path leads out of the bundle');
  const path = join(bundle.folder, name);
  let real = '';
  try {
    real = realpathSync(path);
  } catch (error) {
    refuse(words(error), error);
  }
  if (!real.startsWith(realpathSync(bundle.folder) + sep)) refuse('the path leads out of the bundle');
  return real;
}

/** Bytes of policy.onnx, its SHA-256 compared with the manifest's. Throws POLICY_UNREADABLE, POLICY_CHANGED. */
export function readOnnx(bundle: Bundle): Uint8Array {
  const { model, name } = bundle.manifest;
  if (model.runtime !== 'onnx') {
    throw new ArmloopError('INTERNAL', { what: `a ${model.runtime} policy has no ONNX file` });
  }
  const path = bundleFile(bundle, model.file);
  const bytes = read(path, path);
  const got = createHash('sha256').update(bytes).digest('hex');
  if (got !== model.sha256.toLowerCase()) {
    throw new ArmloopError('POLICY_CHANGED', { policy: name, file: model.file, got, want: model.sha256 });
  }
  return bytes;
}

/**
 * The folder of a policy: a path as given when it has a separator or is a bundle itself, else the first of `places`
 * (folders of bundles) that has one of that name. Throws POLICY_UNKNOWN.
 */
export function findBundle(given: string, places: readonly string[]): string {
  const isPath = given.includes('/') || given.includes(sep) || existsSync(join(given, MANIFEST_FILE));
  if (isPath) return resolve(given);
  if (NAME.test(given)) {
    const place = places.find((p) => existsSync(join(p, given, MANIFEST_FILE)));
    if (place !== undefined) return resolve(place, given);
  }
  const known = listBundles(places)
    .map((b) => b.name)
    .join(', ');
  throw new ArmloopError('POLICY_UNKNOWN', { policy: given, known: known === '' ? 'none' : known });
}

/**
 * The name under which a rig with these places finds the policy. A bundle given by its path is copied into the first of
 * them, unless it lies in one already. Throws POLICY_UNKNOWN, POLICY_UNREADABLE, POLICY_INVALID, and POLICY_TAKEN when
 * another bundle has its name there.
 */
export function installBundle(given: string, places: readonly string[]): string {
  const folder = findBundle(given, places);
  const { manifest, sha256 } = loadBundle(folder);
  if (places.some((p) => resolve(p) === dirname(folder))) return basename(folder);
  const place = places[0]!;
  const target = resolve(place, manifest.name);
  if (existsSync(target)) {
    if (loadBundle(target).sha256 === sha256) return manifest.name;
    throw new ArmloopError('POLICY_TAKEN', { policy: manifest.name, folder: target });
  }
  mkdirSync(place, { recursive: true });
  // Complete or not there at all: a rig may be looking.
  const half = mkdtempSync(join(place, '.installing-'));
  try {
    cpSync(folder, half, { recursive: true });
    renameSync(half, target);
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    throw error;
  }
  return manifest.name;
}

/** The bundles of these folders, by folder name; of equal names the one of the first folder counts. */
export function listBundles(places: readonly string[]): BundleSummary[] {
  const found = new Map<string, BundleSummary>();
  for (const place of places) {
    for (const name of existsSync(place) ? readdirSync(place).sort() : []) {
      const folder = resolve(place, name);
      if (!NAME.test(name) || found.has(name) || !statSync(folder).isDirectory()) continue;
      if (!existsSync(join(folder, MANIFEST_FILE))) continue;
      found.set(name, summary(name, folder));
    }
  }
  return [...found.values()];
}

function summary(name: string, folder: string): BundleSummary {
  try {
    return { name, folder, manifest: loadBundle(folder).manifest, problem: '' };
  } catch (error) {
    return { name, folder, manifest: null, problem: words(error) };
  }
}

function read(path: string, policy: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ArmloopError('POLICY_UNREADABLE', { policy, reason: words(error) }, { cause: error });
  }
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));
