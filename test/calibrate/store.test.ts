/** Files of a calibration: versions, what is refused, and what a kill leaves. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Entry } from '../../src/calibrate/schema.ts';
import { CalibrationStore } from '../../src/calibrate/store.ts';
import { workspace } from '../support/rig-process.ts';

const entry = (axis: string, value: number, rest: Partial<Entry> = {}): Entry => ({
  device: 'arm',
  axis,
  quantity: 'zero',
  value,
  unit: 'step',
  method: 'reference pose by hand, 2 times',
  date: '2026-01-02T03:04:05.678Z',
  residual: 0.001,
  residualUnit: 'rad',
  part: 'xm540-w270, id 1, ratio 1, mode position',
  ...rest,
});

describe('the store of calibrations', () => {
  it('numbers versions, keeps old ones, and hashes what is written', () => {
    using folder = workspace();
    const store = new CalibrationStore(folder.path, 'r', 'real');
    assert.deepEqual(store.load(), {});
    const first = store.write('joints', [entry('a', 1)]);
    const before = readFileSync(first.path, 'utf8');
    const second = store.write('joints', [entry('a', 2)]);
    assert.deepEqual(store.versions('joints'), [1, 2]);
    assert.equal(readFileSync(first.path, 'utf8'), before, 'the first version is as it was');
    assert.notEqual(first.sha256, second.sha256);
    const { joints, gripper } = store.load();
    assert.equal(joints?.file.version, 2);
    assert.equal(joints?.sha256, second.sha256);
    assert.equal(joints?.file.entries[0]?.value, 2);
    assert.equal(gripper, undefined);
    assert.equal(store.read('joints', 1).file.entries[0]?.value, 1);
    assert.deepEqual(readdirSync(store.folder).sort(), ['joints-0001.json', 'joints-0002.json']);
  });

  it('keeps those of emulated hardware apart', () => {
    using folder = workspace();
    new CalibrationStore(folder.path, 'r', 'emulated').write('joints', [entry('a', 1)]);
    assert.deepEqual(new CalibrationStore(folder.path, 'r', 'real').load(), {});
  });

  it('refuses what is damaged, with file, place, value and rule', () => {
    using folder = workspace();
    const store = new CalibrationStore(folder.path, 'r', 'real');
    const { path, file } = store.write('joints', [entry('a', 1)]);
    const refused = (text: string, words: RegExp): void => {
      writeFileSync(path, text);
      assert.throws(() => store.load(), words);
    };
    const changed = (change: object): string => JSON.stringify({ ...file, ...change });
    refused('{ "format": 1,', /joints-0001\.json: \(top\) is .*, but it must be JSON/);
    refused(changed({ robot: 'other' }), /robot is "other", but it must be r, whose folder this is/);
    refused(changed({ version: 7 }), /version is 7, but it must be 1, as the file is named/);
    refused(changed({ kind: 'gripper' }), /kind is "gripper", but it must be joints/);
    refused(changed({ entries: [] }), /entries is \[\], but the list must have at least 1 entries/);
    refused(
      changed({ entries: [entry('a', 1), entry('a', 2)] }),
      /entries\[1\]\.quantity is "zero", but entries\[0\] says it of arm a already/,
    );
    refused(
      changed({ entries: [entry('a', 2, { quantity: 'direction' })] }),
      /entries\[0\]\.value is 2, but it must be 1 or -1/,
    );
    refused(
      changed({ entries: [entry('a', 0, { quantity: 'scale' })] }),
      /entries\[0\]\.value is 0, but it must be > 0/,
    );
    refused(
      changed({ entries: [{ ...entry('a', 1), valve: 2 }] }),
      /entries\[0\]\.valve is 2, but there is no such key; did you mean value\?/,
    );
    refused(
      changed({ entries: [{ ...entry('a', 1), date: 'yesterday' }] }),
      /entries\[0\]\.date is "yesterday"/,
    );
  });

  it('a kill -9 while a version is written leaves the old one whole and in force', {
    timeout: 100_000,
  }, async () => {
    using folder = workspace();
    const store = new CalibrationStore(folder.path, 'r', 'real');
    const old = store.write('joints', [entry('a', 1)]);
    const child = fileURLToPath(new URL('./writing-child.js', import.meta.url));
    let hit = false;
    // Killed as soon as part of the new version is on the disk; where that came too late, once more.
    for (let attempt = 0; attempt < 10 && !hit; attempt++) {
      const writer = spawn(process.execPath, [child, folder.path], { stdio: 'ignore' });
      const ended = new Promise((resolve) => writer.once('exit', resolve));
      const before = store.versions('joints').length;
      while (writer.exitCode === null && !partly(store.folder))
        await new Promise((resolve) => setImmediate(resolve));
      writer.kill('SIGKILL');
      await ended;
      hit = store.versions('joints').length === before;
      if (!hit) continue;
      const { joints } = store.load();
      assert.equal(joints?.file.version, before);
      assert.equal(store.read('joints', 1).sha256, old.sha256);
    }
    assert.ok(hit, 'the kill hit a version that was being written');
    // What it left does not keep the next one from being written.
    const next = store.write('joints', [entry('a', 3)]);
    assert.equal(store.load().joints?.sha256, next.sha256);
  });
});

/** Whether a version is being written: some of it is there under its temporary name. */
function partly(folder: string): boolean {
  try {
    return readdirSync(folder).some(
      (name) => name.includes('.new-') && statSync(join(folder, name)).size > 0,
    );
  } catch {
    return false;
  }
}
