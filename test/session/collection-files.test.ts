import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { CollectionFiles } from '../../src/session/collection-files.ts';
import { workspace } from '../support/rig-process.ts';

it('an attempt that was cut short leaves nothing behind, wherever the kill met it, and takes nothing of others along', () => {
  using folder = workspace();
  const files = new CollectionFiles(folder.path);
  files.episodes.makeFolders();
  const others = ['c1-00010.mcap', 'c1-00010.json', 'c1-00010.json.new-77', 'c1-0001.json'];
  const gone = ['c1-00001.mcap', 'c1-00001.json', 'c1-00001.json.new-4711', 'c1-00001.rest', 'c1-00001.lock'];
  const at = (shelf: 'episodes' | 'trash'): string => files.episodes.folder(shelf);
  for (const name of [...others, ...gone]) writeFileSync(join(at('episodes'), name), '{}');
  for (const name of ['c1-00001.mcap', 'c1-00001.json', 'c1-00001.json.new-4712'])
    writeFileSync(join(at('trash'), name), '{}');
  files.clear('c1-00001');
  assert.deepEqual(readdirSync(at('episodes')).sort(), others.sort());
  assert.deepEqual(readdirSync(at('trash')), []);
});
