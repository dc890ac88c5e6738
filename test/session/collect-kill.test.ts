// @limit 400
/** A collector is killed at 20 instants and goes on each time: what it ends with is what it would have had at once. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { Rng } from '../../src/math/rng.ts';
import { packageRoot } from '../../src/root.ts';
import type { CollectionFact } from '../../src/session/collection.ts';
import { CollectionFiles } from '../../src/session/collection-files.ts';

const KILLS = 20;
const EPISODES = 24;
const WORKERS = 2;
const ID = 'killed';
const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function workspace(): string {
  const folder = mkdtempSync(join(tmpdir(), 'armloop-collect-'));
  folders.push(folder);
  return folder;
}

function start(args: readonly string[], at: string) {
  const main = join(packageRoot(), 'dist', 'src', 'main.js');
  const child = spawn(process.execPath, [main, 'collect', ...args, '--workspace', at, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output }));
  });
  return { child, ended };
}

const FIRST = ['--teacher', '--task', 'reach', '--vary', 'all', '--cameras', 'none', '--id', ID];
const NEW = [...FIRST, '--episodes', String(EPISODES), '--workers', String(WORKERS)];
const again = (workers: number): string[] => ['--resume', ID, '--workers', String(workers)];

const ledgerOf = (at: string): string => join(at, 'collections', ID, 'ledger.jsonl');
const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

const hashes = (at: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(join(at, 'episodes'))
      .filter((name) => name.endsWith('.mcap'))
      .sort()
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(at, 'episodes', name)))
          .digest('hex'),
      ]),
  );

/** Kills it once its ledger has grown by `facts` lines or so, and a little later. False when it had ended before. */
async function killAt(at: string, args: readonly string[], bytes: number, laterMs: number): Promise<boolean> {
  const before = sizeOf(ledgerOf(at));
  const { child, ended } = start(args, at);
  const grown = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (sizeOf(ledgerOf(at)) < before + bytes && child.exitCode === null) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
  await Promise.race([grown, ended]);
  await Promise.race([new Promise((resolve) => setTimeout(resolve, laterMs)), ended]);
  child.kill('SIGKILL');
  return (await ended).code === null;
}

it('goes on after 20 kills: at most the running attempts are lost, nothing is kept twice, the bytes are the same', async () => {
  const at = workspace();
  const rng = new Rng(2026);
  let kills = 0;
  let args: readonly string[] = NEW;
  while (kills < KILLS) {
    const done = new CollectionFiles(at).list().some((p) => new CollectionFiles(at).state(p).done);
    if (done) break;
    // From the first line of the session on; a finished attempt is some 900 bytes.
    if (await killAt(at, args, rng.below(1200), rng.uniform(0, 60))) kills++;
    if (existsSync(join(at, 'collections', ID, 'collection.json'))) {
      // Starting a worker is most of the work here.
      args = again(1 + (kills % WORKERS));
    }
  }
  const { code, output } = await start(again(WORKERS), at).ended;
  assert.equal(code, 0, output);
  assert.equal(kills, KILLS, 'it was killed as often as wanted before it was done');

  const files = new CollectionFiles(at);
  const state = files.state(files.read(ID));
  assert.equal(state.finished.length, EPISODES);
  assert.equal(new Set(state.finished.map((f) => f.slot)).size, EPISODES, 'each slot once');
  assert.deepEqual(state.running, []);
  const facts = readFileSync(files.ledger(ID), 'utf8').trim().split('\n');
  const lost = facts.filter((line) => (JSON.parse(line) as CollectionFact).fact === 'lost').length;
  assert.ok(lost <= KILLS * WORKERS, `${lost} attempts lost in ${KILLS} kills`);
  const stray = readdirSync(join(at, 'episodes')).filter((name) => !/\.(mcap|json)$/.test(name));
  assert.deepEqual(stray, [], 'no locks or halves are left');

  // The same plan at once, on one worker.
  const whole = workspace();
  mkdirSync(join(whole, 'collections', ID), { recursive: true });
  mkdirSync(join(whole, 'episodes'));
  copyFileSync(
    join(at, 'collections', ID, 'collection.json'),
    join(whole, 'collections', ID, 'collection.json'),
  );
  assert.equal((await start(again(1), whole).ended).code, 0);
  assert.deepEqual(hashes(at), hashes(whole));
  assert.equal(Object.keys(hashes(at)).length, EPISODES);
});
