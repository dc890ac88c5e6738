// @limit 400
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { loadBundle } from '../../src/policy/bundle.ts';
import { readLedger } from '../../src/record/ledger.ts';
import type { EpisodeFact } from '../../src/session/evaluation.ts';
import { ROOT } from '../support/panda.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-demo-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function demo(args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'scripts', 'demo.mjs'), ...args], { cwd: ROOT });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (output += d));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 128, output }));
  });
}

it('npm run demo -- --quick goes from demonstrations to reports, with a policy that knows pixels and joints alone', async () => {
  const workspace = join(folder, 'demo');
  const { code, output } = await demo(['--quick', '--workspace', workspace]);
  assert.equal(code, 0, output);
  const summary = JSON.parse(readFileSync(join(workspace, 'demo.json'), 'utf8')) as {
    stages: { name: string; seconds: number }[];
    passed: boolean | null;
  };
  assert.deepEqual(
    summary.stages.map((s) => s.name),
    ['build', 'demonstrations', 'training', 'evaluation', 'control'],
  );
  assert.equal(summary.passed, null, 'a quick run judges nothing');
  const { manifest } = loadBundle(join(workspace, 'policies', 'pick-cube-pixels'));
  const cameras = manifest.inputs.flatMap((i) =>
    i.kind === 'image' ? [`${i.camera} ${i.width}x${i.height}`] : [],
  );
  assert.deepEqual(cameras.sort(), ['front_small 96x96', 'wrist_small 96x96']);
  const fields = manifest.inputs.flatMap((i) => (i.kind === 'state' ? i.features.map((f) => f.field) : []));
  assert.ok(fields.length > 0);
  for (const field of fields)
    assert.match(field, /^(in|out)\.(q|qd|tool|toolCmd)$/, 'the arm, not the scene');
  for (const [id, seeds] of [
    ['evaluation', 3],
    ['control', 2],
  ] as const) {
    const place = join(workspace, 'evaluations', id);
    const facts = readLedger<EpisodeFact>(join(place, 'ledger.jsonl'));
    assert.equal(facts.length, seeds);
    for (const f of facts) {
      assert.equal(f.imagesOf === f.seed, id === 'evaluation');
      assert.ok(f.seed >= 1_000_000, 'no seed of a demonstration');
    }
    const report = readFileSync(join(place, 'report.html'), 'utf8');
    for (const f of facts) assert.equal(report.includes(`id="a-seed-${f.seed}"`), !f.success);
    assert.ok(output.includes(join(place, 'report.html')));
  }
  const again = await demo(['--quick', '--workspace', workspace]);
  assert.equal(again.code, 1);
  assert.match(again.output, /is there already/);
  assert.ok(existsSync(join(workspace, 'demo.json')), 'the earlier one stays');
});
