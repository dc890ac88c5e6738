import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CollectionFiles } from '../../src/session/collection-files.ts';
import { EvaluationFiles } from '../../src/session/evaluation-files.ts';
import { collectionPlan } from '../support/collection.ts';

const workspace = mkdtempSync(join(tmpdir(), 'armloop-held-'));
after(() => rmSync(workspace, { recursive: true, force: true }));
const ID = '20260131-142501-0001';

test('one process at a time works on a collection or an evaluation, and it shows', () => {
  const collections = new CollectionFiles(workspace);
  collections.create(collectionPlan(ID));
  for (const [files, code] of [
    [collections, 'COLLECTION_BUSY'],
    [new EvaluationFiles(workspace), 'EVALUATION_BUSY'],
  ] as const) {
    assert.equal(files.isHeld(ID), false);
    {
      using _ = files.hold(ID);
      assert.equal(files.isHeld(ID), true);
      assert.throws(() => files.hold(ID), { code, message: new RegExp(`process ${process.pid}`) });
    }
    assert.equal(files.isHeld(ID), false);
  }
});
