/** Our episodes read by the Python `mcap` package: every topic decoded, every value compared. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { EpisodeFiles } from '../../src/record/files.ts';
import type { Compression } from '../../src/record/mcap-writer.ts';
import { McapFile } from '../../src/record/reader.ts';
import { repairEpisode } from '../../src/record/repair.ts';
import { FileSink } from '../../src/record/sink.ts';
import { packageRoot } from '../../src/root.ts';
import { writeFake } from '../support/episode.ts';
import { findPython } from '../support/python.ts';

const { python, skip } = findPython(['mcap.reader', 'mcap_ros2.decoder', 'lz4', 'zstandard']);
const workspace = mkdtempSync(join(tmpdir(), 'armloop-interop-'));
after(() => rmSync(workspace, { recursive: true, force: true }));
const files = new EpisodeFiles(workspace);
files.makeFolders();

interface Found {
  readonly profile: string;
  readonly topics: Readonly<
    Record<string, { schema: string; encoding: string; count: number; digest: string }>
  >;
  readonly metadata: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly attachments: Readonly<Record<string, number>>;
  readonly messages: number;
}

async function readWithPython(path: string): Promise<Found> {
  const script = join(packageRoot(), 'test', 'interop', 'read_mcap.py');
  const { stdout } = await promisify(execFile)(python, [script, path], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout) as Found;
}

function flatten(node: unknown, out: Buffer[]): void {
  if (typeof node === 'number' || typeof node === 'boolean') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(Number(node));
    out.push(bytes);
  } else if (typeof node === 'string') out.push(Buffer.from(node));
  else if (node instanceof Uint8Array) out.push(Buffer.from(node));
  else for (const value of Object.values(node as object)) flatten(value, out);
}

/** The same digests as read_mcap.py makes, by Foxglove's decoder. */
async function digests(path: string): Promise<Record<string, { count: number; digest: string }>> {
  await using file = await McapFile.open(path);
  const found: Record<string, { count: number; digest: string }> = {};
  for (const channel of file.mcap.channelsById.values()) {
    const schema = file.mcap.schemasById.get(channel.schemaId)!;
    const reader = new MessageReader(parse(new TextDecoder().decode(schema.data), { ros2: true }));
    const hash = createHash('sha256');
    let count = 0;
    for await (const m of file.mcap.readMessages({ topics: [channel.topic], validateCrcs: true })) {
      const times = Buffer.alloc(16);
      times.writeBigUInt64LE(m.logTime, 0);
      times.writeBigUInt64LE(m.publishTime, 8);
      const out = [times];
      flatten(reader.readMessage(m.data), out);
      hash.update(Buffer.concat(out));
      count++;
    }
    if (count > 0) found[channel.topic] = { count, digest: hash.digest('hex') };
  }
  return found;
}

async function compare(path: string): Promise<Found> {
  const theirs = await readWithPython(path);
  const counts = Object.fromEntries(
    Object.entries(theirs.topics).map(([t, { count, digest }]) => [t, { count, digest }]),
  );
  assert.deepEqual(counts, await digests(path));
  assert.equal(theirs.profile, 'ros2');
  assert.equal(
    theirs.messages,
    Object.values(counts).reduce((sum, t) => sum + t.count, 0),
  );
  return theirs;
}

for (const compression of ['zstd', 'none'] satisfies Compression[]) {
  test(`Python decodes every topic to the same values (${compression})`, { skip }, async () => {
    const path = files.mcap(`ep-${compression}`);
    const sink = new FileSink(path);
    const writer = await writeFake(sink, `ep-${compression}`, 500, compression);
    writer.event(1235, 'error', 'fault', 'ünïcode');
    writer.finish({ label: 'success', cause: '', overflow: {} });
    sink.close();
    const found = await compare(path);
    assert.deepEqual(Object.keys(found.topics).sort(), [
      '/camera/front/compressed',
      '/camera/wrist/compressed',
      '/events',
      '/joint_states',
      '/request',
      '/scene',
      '/sent/sim',
      '/tick',
    ]);
    assert.equal(found.topics['/tick']?.count, 500);
    assert.equal(found.topics['/joint_states']?.schema, 'sensor_msgs/msg/JointState');
    assert.equal(found.metadata['episode']?.['operator'], 'Zoë');
    assert.equal(found.metadata['episode_result']?.['label'], 'success');
    assert.equal(found.attachments['memory.f64'], 12 * 8);
  });
}

test('Python reads a repaired file', { skip }, async () => {
  const path = files.mcap('broken');
  const sink = new FileSink(path);
  await writeFake(sink, 'broken', 700);
  sink.close();
  truncateSync(path, sink.position - 20_000);
  assert.equal((await repairEpisode(files, 'broken', 'quick', 'test')).action, 'repaired');
  const found = await compare(path);
  assert.equal(found.topics['/tick']?.count, 250);
  assert.equal(found.metadata['episode_repair']?.['repaired'], 'true');
});
