import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Rng } from '../../src/math/rng.ts';
import { EpisodePart } from '../../src/record/episode-writer.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { McapFile } from '../../src/record/reader.ts';
import { diagnose, repairAll, repairEpisode } from '../../src/record/repair.ts';
import { type ScannedChunk, scan, walkChunk } from '../../src/record/scan.ts';
import { readSidecar } from '../../src/record/sidecar.ts';
import { MemorySink } from '../../src/record/sink.ts';
import { decompressHandlers } from '../../src/record/zstd.ts';
import { pandaSpec, writeFake } from '../support/episode.ts';

const SEED = 20260131;
const CUTS = 300;
const FLIPS = 200;
const workspace = mkdtempSync(join(tmpdir(), 'armloop-repair-'));
after(() => rmSync(workspace, { recursive: true, force: true }));

interface Sample {
  /** A whole file with footer, and the same without its end. */
  readonly closed: Buffer;
  readonly open: Buffer;
  readonly chunks: readonly {
    readonly offset: number;
    readonly end: number;
    readonly keys: readonly string[];
  }[];
}
const samples: Record<'zstd' | 'none', Sample> = {} as never;

/** What identifies a message: channel, number and times. */
function keysOf(content: Uint8Array): string[] {
  const keys: string[] = [];
  walkChunk(content, {
    message: (m) => keys.push(`${m.channelId}/${m.sequence}/${m.logTime}/${m.data.length}`),
  });
  return keys;
}

async function sample(compression: 'zstd' | 'none'): Promise<Sample> {
  // A slower rig keeps the files small: what is tested is bytes, not size.
  const spec = { ...pandaSpec(), loop: { rateHz: 250, fifoPriority: 0 } };
  const sink = new MemorySink();
  const writer = await writeFake(sink, 'sample', 1100, compression, spec);
  const open = sink.bytes();
  writer.finish({ label: 'success', cause: '', overflow: {} });
  const closed = sink.bytes();
  const path = join(workspace, 'sample.mcap');
  writeFileSync(path, closed);
  const found = [...scan(path, await decompressHandlers())].filter(
    (c): c is ScannedChunk => c.type === 'chunk',
  );
  const chunks = found.map((c) => ({
    offset: c.offset,
    end: c.offset + c.record.length,
    keys: keysOf(c.content),
  }));
  assert.ok(chunks.length >= 4);
  return { closed, open, chunks };
}

before(async () => {
  samples.zstd = await sample('zstd');
  samples.none = await sample('none');
});

/** Repairs the bytes as an episode, checks that strict readers take it, and returns the keys of its messages. */
async function repaired(
  bytes: Uint8Array,
  name: string,
): Promise<{ keys: Set<string>; files: EpisodeFiles; id: string }> {
  const files = new EpisodeFiles(mkdtempSync(join(workspace, `${name}-`)));
  files.makeFolders();
  const id = 'ep';
  writeFileSync(files.mcap(id), bytes);
  const report = await repairEpisode(files, id, 'deep', 'test');
  const why = `${name}: ${report.reason}`;
  assert.equal(report.action, 'repaired', why);
  assert.equal(await diagnose(files.mcap(id), 'deep'), '', why);
  await using file = await McapFile.open(files.mcap(id));
  const keys = new Set<string>();
  for await (const m of file.mcap.readMessages({ validateCrcs: true })) {
    keys.add(`${m.channelId}/${m.sequence}/${m.logTime}/${m.data.length}`);
  }
  assert.equal(BigInt(keys.size), file.mcap.statistics?.messageCount, why);
  assert.equal((await file.metadata(EpisodePart.end))?.get('repaired'), 'true', why);
  assert.equal((await file.metadata(EpisodePart.repair))?.get('reason'), report.reason, why);
  assert.equal(readSidecar(files.sidecar(id))?.summary.repaired, true, why);
  assert.equal(existsSync(`${files.mcap(id)}.repairing`), false, why);
  return { keys, files, id };
}

function expectAll(keys: ReadonlySet<string>, wanted: readonly string[], why: string): void {
  const missing = wanted.filter((k) => !keys.has(k));
  assert.equal(missing.length, 0, `${why}: ${missing.length} of ${wanted.length} messages are gone`);
}

for (const compression of ['zstd', 'none'] as const) {
  test(`cut anywhere, ${compression}: every chunk before the cut is kept`, async () => {
    const { closed, open, chunks } = samples[compression];
    const rng = new Rng(SEED);
    const edges = chunks.flatMap((c) => [
      c.offset - 1,
      c.offset,
      c.offset + 1,
      c.offset + 9,
      c.end - 1,
      c.end,
    ]);
    const special = [0, 1, 7, 8, 9, 20, open.length, open.length - 1, closed.length - 1, closed.length - 8];
    const random = Array.from({ length: CUTS / 2 }, () => Math.floor(rng.uniform(0, closed.length)));
    for (const cut of [...special, ...edges, ...random]) {
      const { keys, files } = await repaired(closed.subarray(0, cut), `cut-${cut}`);
      for (const c of chunks)
        if (c.end <= cut) expectAll(keys, c.keys, `cut at ${cut}, chunk at ${c.offset}`);
      rmSync(files.workspace, { recursive: true });
    }
  });

  test(`a flipped bit anywhere, ${compression}: at most its own chunk is lost`, async () => {
    const { closed, chunks } = samples[compression];
    const rng = new Rng(SEED + 1);
    // The data section; flips in the summary behind it cost nothing and are seen by the summary's CRC.
    for (let i = 0; i < FLIPS / 2; i++) {
      const at = Math.floor(rng.uniform(0, closed.length));
      const bit = 1 << Math.floor(rng.uniform(0, 8));
      const bytes = Uint8Array.from(closed);
      bytes[at]! ^= bit;
      const { keys, files } = await repaired(bytes, `flip-${at}`);
      for (const c of chunks) {
        if (at < c.offset || at >= c.end)
          expectAll(keys, c.keys, `bit ${bit} of byte ${at}, chunk at ${c.offset}`);
      }
      rmSync(files.workspace, { recursive: true });
    }
  });
}

test('an uncompressed chunk that is cut gives back its whole messages', async () => {
  const { closed, chunks } = samples.none;
  const c = chunks[2]!;
  const cut = Math.floor((c.offset + c.end) / 2);
  const { keys } = await repaired(closed.subarray(0, cut), 'half');
  const kept = c.keys.filter((k) => keys.has(k)).length;
  assert.ok(kept > c.keys.length / 3, `${kept} of ${c.keys.length}`);
});

test('bytes that fit nowhere are kept aside, byte for byte', async () => {
  const { closed, chunks } = samples.zstd;
  const cut = chunks[1]!.end - 100;
  const { files, id } = await repaired(closed.subarray(0, cut), 'rest');
  assert.ok(readFileSync(files.rest(id)).equals(closed.subarray(chunks[1]!.offset, cut)));
});

test('label, task and measures survive a lost footer', async () => {
  const { closed } = samples.zstd;
  const { files, id } = await repaired(closed.subarray(0, closed.length - 3), 'label');
  const summary = readSidecar(files.sidecar(id))!.summary;
  assert.equal(summary.label, 'success');
  assert.equal(summary.operator, 'Zoë');
  assert.equal(summary.ticks, 1100);
  assert.ok(Math.abs(summary.rateHz - 250) < 1e-6);
  assert.equal(summary.cameras.length, 4);
  assert.ok(summary.cameras[0]!.frames > 50);
});

test('a file that is being recorded is left alone; sound files are left alone', async () => {
  const files = new EpisodeFiles(mkdtempSync(join(workspace, 'alone-')));
  files.makeFolders();
  const { closed, open } = samples.zstd;
  writeFileSync(files.mcap('busy'), open);
  files.takeLock('busy');
  writeFileSync(files.mcap('sound'), closed);
  const reports = await repairAll(files, 'deep', 'test');
  assert.deepEqual(
    reports.map((r) => `${r.id} ${r.action}`),
    ['busy busy', 'sound sound'],
  );
  assert.ok(readFileSync(files.mcap('busy')).equals(open));
  assert.ok(readFileSync(files.mcap('sound')).equals(closed));
  // The lock of a process that is gone holds nothing up: same number, another start time.
  writeFileSync(files.lock('busy'), JSON.stringify({ pid: process.pid, born: 'before' }));
  const again = await repairEpisode(files, 'busy', 'quick', 'test');
  assert.equal(again.action, 'repaired');
  assert.equal(existsSync(files.lock('busy')), false);
});

test('a repair that was itself cut short begins anew', async () => {
  const files = new EpisodeFiles(mkdtempSync(join(workspace, 'twice-')));
  mkdirSync(files.folder('episodes'), { recursive: true });
  writeFileSync(files.mcap('ep'), samples.zstd.open);
  copyFileSync(files.mcap('ep'), `${files.mcap('ep')}.repairing`);
  truncateSync(`${files.mcap('ep')}.repairing`, 1000);
  const report = await repairEpisode(files, 'ep', 'quick', 'test');
  assert.equal(report.action, 'repaired');
  assert.equal(await diagnose(files.mcap('ep'), 'deep'), '');
});
