/**
 * Made code on disk. A file is named by a hash of what the code follows from, generator included, and holds a hash of its
 * own content; a file that does not fit is as good as none. Files appear whole or not at all.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HEAD = 'armloop code\n';
const HASH = 64;

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

let generator: string | null = null;

/** The generator's version: a hash of its own files, so that code of another one is never taken. */
export function generatorVersion(): string {
  if (generator !== null) return generator;
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const files = readdirSync(folder).filter((name) => /\.(js|ts)$/.test(name));
  generator = sha256(...files.sort().flatMap((name) => [name, readFileSync(join(folder, name))]));
  return generator;
}

/**
 * The code that follows from `key`: from the folder if it is there whole, else made and kept there. A folder that cannot
 * be written is no error: the code is then made every time. Without a folder nothing is kept.
 */
export function cached(folder: string | null, key: string, make: () => Uint8Array): Uint8Array {
  if (folder === null) return make();
  const file = join(folder, `${sha256(generatorVersion(), '\n', key).slice(0, 32)}.code`);
  const found = read(file);
  if (found !== null) return found;
  const made = make();
  write(folder, file, made);
  return made;
}

function read(file: string): Uint8Array | null {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch {
    return null;
  }
  const start = HEAD.length + HASH;
  if (bytes.length < start || new TextDecoder().decode(bytes.subarray(0, HEAD.length)) !== HEAD) return null;
  const hash = new TextDecoder().decode(bytes.subarray(HEAD.length, start));
  const body = bytes.subarray(start);
  return sha256(body) === hash ? body : null;
}

function write(folder: string, file: string, body: Uint8Array): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch {
    return;
  }
  const temporary = `${file}.${randomUUID()}`;
  try {
    writeFileSync(temporary, Buffer.concat([Buffer.from(HEAD + sha256(body)), body]));
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
}
