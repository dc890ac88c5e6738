/** What the scripts share: install what is missing, build what changed, and say so. Runs on bare Node and npm. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const stampFile = join(dist, '.build.json');

/** Folders that tsc compiles; the console is built by vite. */
const COMPILED = ['src', 'drivers', 'sim', 'policies', 'bench', 'test'];

/** Refuses an old Node in words, before anything newer than it runs. */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(`armloop needs Node 20.19 or newer; this is ${process.versions.node}.\n`);
  process.exit(2);
}

export function say(text) {
  process.stderr.write(`armloop: ${text}\n`);
}

/** Runs a command; resolves with its exit code and, with `capture`, what it printed. */
export function run(command, args, { capture = false, env = process.env, cwd = root } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = capture ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'];
    const child = spawn(command, args, { cwd, env, stdio });
    let output = '';
    if (capture) {
      child.stdout.on('data', (d) => (output += d));
      child.stderr.on('data', (d) => (output += d));
    }
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? 128, signal, output }));
  });
}

/** npm itself, without a shell where npm started us, so that it works the same on every system. */
export function npm(args, options = {}) {
  const cli = process.env['npm_execpath'];
  if (cli?.endsWith('.js')) return run(process.execPath, [cli, ...args], options);
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options);
}

/**
 * Whether node_modules holds what the lock file says. npm keeps its own record of what it installed in
 * node_modules/.package-lock.json, written last; packages for other systems are optional and may be missing.
 */
export function installed() {
  const recordFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(recordFile)) return false;
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const record = JSON.parse(readFileSync(recordFile, 'utf8')).packages;
  for (const [path, entry] of Object.entries(lock)) {
    if (path === '') continue;
    const have = record[path];
    if (
      have === undefined
        ? !(entry.optional || entry.devOptional || entry.peer)
        : have.version !== entry.version
    )
      return false;
  }
  return true;
}

/** Installs from the lock file when node_modules is missing or differs. Returns false when npm failed. */
export async function install({ quiet = false } = {}) {
  if (installed()) return true;
  const modules = join(root, 'node_modules');
  if (existsSync(modules) && lstatSync(modules).isSymbolicLink()) {
    say('node_modules is a link and differs from package-lock.json; install where it points to');
    return true;
  }
  say('installing packages (npm ci): this takes a minute the first time');
  const started = Date.now();
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const { code, output } = await npm(args, { capture: quiet });
  if (code !== 0) {
    if (quiet) process.stderr.write(output);
    say(`npm ci failed (exit ${code}); it needs the npm registry to be reachable`);
    return false;
  }
  say(`packages installed in ${seconds(started)}`);
  return true;
}

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** Files below the folders, sorted, without what `skip` refuses. */
export function files(folders, skip = () => false) {
  const found = [];
  const visit = (path) => {
    if (skip(path)) return;
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name));
    else found.push(path);
  };
  for (const folder of folders) if (existsSync(join(root, folder))) visit(join(root, folder));
  return found;
}

function digest(paths) {
  const hash = createHash('sha256');
  for (const path of paths)
    hash.update(relative(root, path)).update('\0').update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}

const settings = ['package.json', 'package-lock.json', 'tsconfig.json'];
const consoleFolder = join(root, 'src', 'console');
const hasConsole = () => existsSync(join(consoleFolder, 'vite.config.ts'));

function codeDigest() {
  // Tests import plain parts of the console, so its .ts files count too.
  const isOther = (path) => path.includes('.') && statSync(path).isFile() && !path.endsWith('.ts');
  return digest([...files(COMPILED, isOther), ...settings.map((f) => join(root, f))]);
}

/** The page imports types and small helpers from src, so any change there counts. */
function consoleDigest() {
  return digest([...files(['src']), ...settings.map((f) => join(root, f))]);
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

/**
 * Compiles what changed since the last build: the code with tsc, the console with vite. Returns false when that failed.
 * `page: false` leaves the console out. `quiet` prints only when something is built or fails.
 */
export async function build({ page = true, quiet = false } = {}) {
  mkdirSync(dist, { recursive: true });
  const unlock = await lock(join(dist, '.lock'));
  try {
    const stamp = readStamp();
    const code = codeDigest();
    if (stamp.code !== code || !existsSync(join(dist, 'src', 'main.js'))) {
      if (!(await step('compiling', 'typescript/bin/tsc', ['-p', '.'], quiet))) return false;
      prune();
      stamp.code = code;
      writeFileSync(stampFile, JSON.stringify(stamp));
    }
    if (!page || !hasConsole()) return true;
    const site = consoleDigest();
    if (stamp.console !== site || !existsSync(join(dist, 'console', 'index.html'))) {
      const args = ['build', '--config', 'src/console/vite.config.ts', '--logLevel', 'error'];
      if (!(await step('building the console', 'vite/bin/vite.js', args, quiet))) return false;
      stamp.console = site;
      writeFileSync(stampFile, JSON.stringify(stamp));
    }
    return true;
  } finally {
    unlock();
  }
}

/** Runs one tool of node_modules, with a line before and after. */
export async function step(what, tool, args, quiet = false) {
  const started = Date.now();
  say(`${what} …`);
  const { code, output } = await run(process.execPath, [join(root, 'node_modules', tool), ...args], {
    capture: quiet,
  });
  if (code === 0) {
    say(`${what}: done in ${seconds(started)}`);
    return true;
  }
  process.stderr.write(output);
  say(`${what} failed (exit ${code})`);
  return false;
}

/** Removes compiled files whose source is gone, so that a deleted test cannot go on passing. */
function prune() {
  for (const path of files(COMPILED.map((f) => `dist/${f}`))) {
    const match = /^(.*)\.(?:js|js\.map)$/.exec(relative(dist, path));
    if (match !== null && !existsSync(join(root, `${match[1]}.ts`))) rmSync(path);
  }
}

/** One build at a time per checkout. The lock of a process that is gone is taken over. */
async function lock(path) {
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    let owner = 0;
    try {
      owner = Number(readFileSync(path, 'utf8'));
    } catch {
      continue;
    }
    if (owner > 0 && !alive(owner)) rmSync(path, { force: true });
    else await new Promise((done) => setTimeout(done, 200));
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** A path relative to the repository, with forward slashes. */
export const local = (path) => relative(root, path).split(sep).join('/');

/** Installs and builds, or ends the process with a reason. */
export async function prepare(options = {}) {
  checkNode();
  if (!(await install(options)) || !(await build(options))) process.exit(1);
}
