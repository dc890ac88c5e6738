import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { compare, concluded, factsOf, resultOf, verdictText } from '../../src/session/evaluation.ts';
import { EvaluationFiles } from '../../src/session/evaluation-files.ts';
import { evaluationReport, reproduce } from '../../src/session/evaluation-report.ts';
import { parseSeeds, seedText } from '../../src/session/seeds.ts';
import { pictureStrip, spread } from '../../src/session/strip.ts';
import { contestant, evaluationOf, factOf } from '../support/evaluation.ts';

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('seeds', () => {
  it('lists and ranges, and the text of a list reads back as the list', () => {
    assert.deepEqual(parseSeeds('3, 7,9..12'), [3, 7, 9, 10, 11, 12]);
    assert.deepEqual(parseSeeds('0..99'), upTo(100));
    for (const text of ['0..99', '3,7,9..12', '5', '1,2,4', '900719925474099..900719925474102'])
      assert.equal(seedText(parseSeeds(text)), text);
  });

  it('refuses what it cannot mean, in words', () => {
    for (const [text, rule] of [
      ['9..3', /runs backwards/],
      ['1,2,1', /seed 1 is named twice/],
      ['', /whole numbers/],
      ['1.5', /whole numbers/],
      ['-1', /whole numbers/],
      ['0..99999999', /at most/],
    ] as const)
      assert.throws(() => parseSeeds(text), { code: 'SEEDS_INVALID', message: rule }, text);
  });
});

describe('what the facts say', () => {
  it('counts, intervals, times, reasons, guard and chunks', () => {
    const facts = [
      ...upTo(8).map((s) => factOf('A', s, true)),
      factOf('A', 8, false, { guard: { velocity: 10, workspace: 4 } }),
      factOf('A', 9, false, {
        reason: 'guard stop',
        fault: ['workspace'],
        guard: { workspace: 6 },
        chunks: null,
      }),
    ];
    const r = resultOf(contestant('A', 'first'), facts);
    assert.deepEqual([r.episodes, r.successes, r.rate], [10, 8, 0.8]);
    assert.ok(r.interval.low < 0.8 && r.interval.high > 0.8);
    const times = facts.flatMap((f) => (f.timeToSuccess === null ? [] : [f.timeToSuccess]));
    assert.ok(
      r.timeToSuccess.median! >= Math.min(...times) && r.timeToSuccess.low! <= r.timeToSuccess.median!,
    );
    assert.deepEqual(r.failures, { 'time limit': 1, 'guard stop': 1 });
    assert.deepEqual(r.guard, {
      velocity: { ticks: 10, episodes: 1 },
      workspace: { ticks: 10, episodes: 2 },
    });
    assert.deepEqual(r.chunks, { made: 180, refused: 9, underruns: 18 });
    assert.doesNotThrow(() => JSON.parse(JSON.stringify(r)));
    assert.equal(resultOf(contestant('A', 'first'), facts.slice(0, 3)).timeToSuccess.low, null);
  });

  it('a seed that ran twice after a crash counts once, and order does not matter', () => {
    const facts = [factOf('A', 3, true), factOf('B', 1, true), factOf('A', 1, true), factOf('A', 3, true)];
    assert.deepEqual(
      factsOf('A', facts).map((f) => f.seed),
      [1, 3],
    );
    const shuffled = [...facts].reverse();
    assert.deepEqual(resultOf(contestant('A', 'x'), facts), resultOf(contestant('A', 'x'), shuffled));
  });

  it('A against B pairs equal seeds only', () => {
    const facts = [
      ...upTo(40).map((s) => factOf('A', s, s < 36)),
      ...upTo(30).map((s) => factOf('B', s, s < 10)),
    ];
    const verdict = compare(facts);
    // Of seeds 0..29 A has all and B has ten.
    assert.ok(Math.abs(verdict.difference - 20 / 30) < 1e-12);
    assert.equal(verdict.verdict, 'A is better');
    assert.match(
      verdictText(verdict, 'one', 'two'),
      /^one is better than two by 67 points \(exact McNemar, p = \d\.\de-\d+;/,
    );
    const few = compare([factOf('A', 1, true), factOf('B', 1, false)]);
    assert.match(verdictText(few, 'one', 'two'), /^No verdict, n is too small: about \d+ more episodes/);
    const alike = compare(upTo(300).flatMap((s) => [factOf('A', s, s > 15), factOf('B', s, s > 15)]));
    assert.match(verdictText(alike, 'one', 'two'), /as good as each other, to within 10 points/);
  });
});

describe('picture strips', () => {
  it('first and last frame are in it, evenly spread, no more than asked for', () => {
    assert.deepEqual(spread(upTo(21), 5), [0, 5, 10, 15, 20]);
    assert.deepEqual(spread(upTo(3), 5), [0, 1, 2]);
  });

  it('pictures stand side by side in their order', async () => {
    const grey = (level: number) =>
      sharp({ create: { width: 40, height: 30, channels: 3, background: { r: level, g: level, b: level } } })
        .jpeg()
        .toBuffer();
    const frames = await Promise.all(upTo(5).map(async (i) => ({ time: 2 + i, jpeg: await grey(i * 60) })));
    const strip = await pictureStrip(frames, 3, 60);
    assert.deepEqual(strip!.times, [0, 2, 4]);
    const { data, info } = await sharp(strip!.jpeg).raw().toBuffer({ resolveWithObject: true });
    assert.deepEqual([info.width, info.height], [3 * 80 + 2 * 4, 60]);
    const level = (x: number): number => data[(30 * info.width + x) * info.channels]!;
    for (const [i, want] of [0, 120, 240].entries()) {
      assert.ok(Math.abs(level(i * 84 + 40) - want) < 6, `picture ${i}: ${level(i * 84 + 40)}`);
    }
    assert.equal(await pictureStrip([]), null);
  });
});

describe('report', () => {
  const seeds = upTo(40);
  const facts = seeds.map((s) =>
    factOf('A', s, s % 2 === 0, s === 7 ? { fault: ['workspace'], reason: 'guard stop' } : {}),
  );

  it('names every failure with its cause, also those that are folded away, and no success', () => {
    const text = evaluationReport(evaluationOf(seeds), facts, () => null);
    for (const f of facts) {
      assert.equal(text.includes(`id="a-seed-${f.seed}"`), !f.success, `seed ${f.seed}`);
      assert.equal(text.includes(`href="#a-seed-${f.seed}"`), !f.success, `map of seed ${f.seed}`);
    }
    assert.match(text, /seed 7<\/h3>\s*<span class="chip bad">guard stop: workspace edge</);
    assert.match(text, /8 more failures/);
    assert.match(text, /20 of 40 succeeded/);
    assert.doesNotMatch(text, /NaN|undefined|\[object/);
  });

  it('carries its pictures inside', () => {
    const strip = { file: 'failures/a-1.jpg', times: [0, 1.5] };
    const own = facts.map((f) => (f.seed === 1 ? { ...f, strip } : f));
    const text = evaluationReport(evaluationOf(seeds), own, () => Uint8Array.of(1, 2, 3));
    assert.ok(text.includes('src="data:image/jpeg;base64,AQID"'));
    assert.ok(text.includes('<span>1.5 s</span>'));
  });

  it('two policies: both rates, the verdict, and the seeds on which they differ', () => {
    const both = [...facts, ...seeds.map((s) => factOf('B', s, s < 20))];
    const evaluation = evaluationOf(seeds, [contestant('A', 'first'), contestant('B', 'second')]);
    const text = evaluationReport(evaluation, both, () => null);
    assert.match(text, /50 % : 50 %/);
    assert.match(text, /No verdict, n is too small/);
    assert.ok(text.includes('<dd>20, 22, 24, 26, 28, 30, 32, 34, 36, 38</dd>'), 'only A');
    assert.ok(text.includes('id="b-seed-39"'));
  });

  it('nothing ran, or nothing succeeded: still a report', () => {
    assert.match(
      evaluationReport(evaluationOf(seeds), [], () => null),
      /Not finished: 0 of 40 episodes/,
    );
    const lost = seeds.map((s) => factOf('A', s, false));
    assert.match(
      evaluationReport(evaluationOf(seeds), lost, () => null),
      /No episode succeeded/,
    );
  });

  it('says how to do it again', () => {
    assert.equal(
      reproduce({ ...evaluationOf(seeds), images: 'other' }),
      'armloop eval policies/first --robot robots/panda-sim.yaml --task pick-cube --seeds 0..39 --vary none --images-from other --time-limit 30',
    );
  });
});

describe('files of an evaluation', () => {
  it('are read back, go on after a torn line, and make their report again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'armloop-evaluation-'));
    try {
      const files = new EvaluationFiles(folder);
      const evaluation = evaluationOf([1, 2, 3]);
      const { id } = evaluation;
      assert.throws(() => files.read(id), { code: 'EVALUATION_UNKNOWN' });
      assert.throws(() => files.read('../x'), { code: 'EPISODE_BAD_ID' });
      files.write(evaluation);
      assert.deepEqual(files.read(id), evaluation);
      {
        using ledger = files.openLedger(id);
        const strip = { file: files.writeStrip(id, 'A', 1, Uint8Array.of(9, 9, 9)), times: [0] };
        ledger.append(factOf('A', 1, false, { strip }));
      }
      appendFileSync(join(files.of(id), 'ledger.jsonl'), '{"side":"A","seed":2,"succ');
      assert.deepEqual(
        files.facts(id).map((f) => f.seed),
        [1],
      );
      {
        using ledger = files.openLedger(id);
        ledger.append(factOf('A', 2, true));
        ledger.append(factOf('A', 3, true, { strip: { file: '../../secret', times: [] } }));
      }
      const done = { ...concluded(evaluation, files.facts(id)), state: 'done' as const };
      assert.equal(done.results![0]!.successes, 2);
      files.write(done);
      assert.deepEqual(files.list(), [done]);
      const text = readFileSync(files.writeReport(done), 'utf8');
      assert.ok(text.includes(Buffer.from([9, 9, 9]).toString('base64')));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
