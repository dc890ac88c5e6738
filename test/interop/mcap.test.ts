/** Our episodes read by the Python `mcap` package: every topic decoded, every value compared. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EpisodeFiles } from '../../src/record/files.ts';
import type { Compression } from '../../src/record/mcap-writer.ts';
import { repairEpisode } from '../../src/record/repair.ts';
import { FileSink } from '../../src/record/sink.ts';
import { writeFake } from '../support/episode.ts';
import { comparePeers } from '../support/mcap-peers.ts';
import { findPython } from '../support/python.ts';

const { python, skip } = findPython(['mcap.reader', 'mcap_ros2.decoder', 'lz4', 'zstandard']);
const workspace = mkdtempSync(join(tmpdir(), 'armloop-interop-'));
after(() => rmSync(workspace, { recursive: true, force: true }));
const files = new EpisodeFiles(workspace);
files.makeFolders();

for (const compression of ['zstd', 'none'] satisfies Compression[]) {
  test(`Python decodes every topic to the same values (${compression})`, { skip }, async () => {
    const path = files.mcap(`ep-${compression}`);
    const sink = new FileSink(path);
    const writer = await writeFake(sink, `ep-${compression}`, 500, compression);
    writer.event(1235, 'error', 'fault', 'ünïcode');
    writer.finish({ label: 'success', cause: '', overflow: {} });
    sink.close();
    const found = await comparePeers(python, path);
    assert.deepEqual(Object.keys(found.topics).sort(), [
      '/camera/front/compressed',
      '/camera/front_small/compressed',
      '/camera/wrist/compressed',
      '/camera/wrist_small/compressed',
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
  const found = await comparePeers(python, path);
  assert.equal(found.topics['/tick']?.count, 250);
  assert.equal(found.metadata['episode_repair']?.['repaired'], 'true');
});
