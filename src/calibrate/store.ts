/**
 * Where calibrations lie: `<workspace>/calibration/<robot-id>/<kind>-<version>.json`, and those of emulated hardware in
 * `<robot-id>.dry-run`. The highest version of a kind holds. A version is written whole under another name and then
 * linked to its own, so that it appears at once and never replaces one; older ones stay.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArmloopError } from '../errors.ts';
import { moveNew } from '../record/files.ts';
import { syncFolder } from '../record/sink.ts';
import { schemaProblem, showValue } from '../robot/schema-problem.ts';
import { packageVersion } from '../root.ts';
import {
  CALIBRATION_KINDS,
  type CalibrationFile,
  type CalibrationKind,
  type Entry,
  fileSchema,
} from './schema.ts';

/** A file as it was read. */
export interface StoredCalibration {
  readonly path: string;
  /** Of its text. */
  readonly sha256: string;
  readonly file: CalibrationFile;
}

export type StoredCalibrations = Readonly<Partial<Record<CalibrationKind, StoredCalibration>>>;

const NAME = new RegExp(`^(${CALIBRATION_KINDS.join('|')})-(\\d{4})\\.json$`);

export class CalibrationStore {
  readonly folder: string;
  readonly #robot: string;

  /** `hardware`: emulated servos have calibrations of their own, which never reach a real arm. */
  constructor(workspace: string, robot: string, hardware: 'real' | 'emulated') {
    this.#robot = robot;
    this.folder = join(workspace, 'calibration', hardware === 'real' ? robot : `${robot}.dry-run`);
  }

  /** The newest version of every kind. Throws CALIBRATION_INVALID. */
  load(): StoredCalibrations {
    const newest: Partial<Record<CalibrationKind, StoredCalibration>> = {};
    for (const kind of CALIBRATION_KINDS) {
      const version = this.versions(kind).at(-1);
      if (version !== undefined) newest[kind] = this.read(kind, version);
    }
    return newest;
  }

  /** Versions of a kind that there are, oldest first. */
  versions(kind: CalibrationKind): number[] {
    if (!existsSync(this.folder)) return [];
    const found = readdirSync(this.folder).map((name) => NAME.exec(name));
    return found.flatMap((m) => (m !== null && m[1] === kind ? [Number(m[2])] : [])).sort((a, b) => a - b);
  }

  /** One version, checked. Throws CALIBRATION_INVALID. */
  read(kind: CalibrationKind, version: number): StoredCalibration {
    const path = this.#path(kind, version);
    const refuse = (at: string, value: unknown, rule: string): never => {
      throw new ArmloopError('CALIBRATION_INVALID', { file: path, path: at, value: showValue(value), rule });
    };
    let text = '';
    let value: unknown;
    try {
      text = readFileSync(path, 'utf8');
      value = JSON.parse(text);
    } catch (error) {
      return refuse('(top)', text.slice(0, 40), `it must be JSON: ${(error as Error).message}`);
    }
    const problem = schemaProblem(fileSchema, value);
    if (problem !== null) throw new ArmloopError('CALIBRATION_INVALID', { file: path, ...problem });
    const file = value as CalibrationFile;
    if (file.robot !== this.#robot)
      refuse('robot', file.robot, `it must be ${this.#robot}, whose folder this is`);
    if (file.kind !== kind) refuse('kind', file.kind, `it must be ${kind}, as the file is named`);
    if (file.version !== version)
      refuse('version', file.version, `it must be ${version}, as the file is named`);
    checkEntries(file.entries, refuse);
    return { path, sha256: createHash('sha256').update(text).digest('hex'), file };
  }

  /** Writes the next version. Throws CALIBRATION_INVALID, and what the file system says. */
  write(kind: CalibrationKind, entries: readonly Entry[]): StoredCalibration {
    mkdirSync(this.folder, { recursive: true });
    for (;;) {
      const version = (this.versions(kind).at(-1) ?? 0) + 1;
      const file: CalibrationFile = {
        format: 1,
        robot: this.#robot,
        kind,
        version,
        written: new Date().toISOString(),
        armloop: packageVersion(),
        entries: [...entries],
      };
      if (this.#place(this.#path(kind, version), `${JSON.stringify(file, null, 1)}\n`))
        return this.read(kind, version);
    }
  }

  /** False when there is a file of that name: somebody else was quicker. */
  #place(path: string, text: string): boolean {
    const temporary = `${path}.new-${process.pid}`;
    writeFileSync(temporary, text, { flush: true });
    try {
      moveNew(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
    syncFolder(this.folder);
    return true;
  }

  #path(kind: CalibrationKind, version: number): string {
    return join(this.folder, `${kind}-${String(version).padStart(4, '0')}.json`);
  }
}

type Refuse = (path: string, value: unknown, rule: string) => never;

/** What the schema cannot say: one entry a quantity, directions of 1 and -1, scales above 0. */
function checkEntries(entries: readonly Entry[], refuse: Refuse): void {
  const seen = new Map<string, number>();
  entries.forEach(({ device, axis, quantity, value }, i) => {
    const key = JSON.stringify([device, axis, quantity]);
    const first = seen.get(key);
    if (first !== undefined) {
      refuse(`entries[${i}].quantity`, quantity, `entries[${first}] says it of ${device} ${axis} already`);
    }
    seen.set(key, i);
    const at = `entries[${i}].value`;
    if (quantity === 'direction' && Math.abs(value) !== 1) refuse(at, value, 'it must be 1 or -1');
    if (quantity === 'scale' && !(value > 0)) refuse(at, value, 'it must be > 0');
  });
}
