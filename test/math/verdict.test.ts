import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../src/math/rng.ts';
import { mcnemarExact } from '../../src/math/statistics.ts';
import {
  discordantNeeded,
  fewestDiscordant,
  pairedVerdict,
  unpairedVerdict,
} from '../../src/math/verdict.ts';

describe('paired verdict', () => {
  it('says who is better when the test is significant, and by how much', () => {
    const found = pairedVerdict({ both: 40, onlyA: 30, onlyB: 8, neither: 22 });
    assert.equal(found.verdict, 'A is better');
    assert.equal(found.more, 0);
    assert.ok(Math.abs(found.difference - 0.22) < 1e-12);
    assert.ok(found.interval.low > 0 && found.p < 0.05);
    assert.equal(pairedVerdict({ both: 40, onlyA: 8, onlyB: 30, neither: 22 }).verdict, 'B is better');
  });

  it('five seeds never decide, not even five to nothing', () => {
    const found = pairedVerdict({ both: 0, onlyA: 5, onlyB: 0, neither: 0 });
    assert.equal(found.verdict, 'no verdict');
    assert.equal(fewestDiscordant(0.05), 6);
    assert.ok(mcnemarExact(6, 0) < 0.05 && mcnemarExact(5, 0) >= 0.05);
    assert.ok(found.more >= 1 && found.more <= 4, `${found.more} more`);
  });

  it('no difference seen is not "as good" until the interval is narrow', () => {
    const few = pairedVerdict({ both: 9, onlyA: 0, onlyB: 0, neither: 1 });
    assert.equal(few.verdict, 'no verdict');
    assert.ok(few.more > 5 && few.more < 200, `${few.more} more`);
    const many = pairedVerdict({ both: 270, onlyA: 6, onlyB: 6, neither: 18 });
    assert.equal(many.verdict, 'as good');
    assert.equal(many.more, 0);
    // So many more of the same kind do bring the verdict, and a tenth fewer do not.
    const scale = (10 + few.more) / 10;
    assert.equal(pairedVerdict({ both: 9 * scale, onlyA: 0, onlyB: 0, neither: scale }).verdict, 'as good');
    const short = scale * 0.9;
    assert.equal(
      pairedVerdict({ both: 9 * short, onlyA: 0, onlyB: 0, neither: short }).verdict,
      'no verdict',
    );
  });

  it('nothing run: no verdict, and a number of episodes that one can run', () => {
    const found = pairedVerdict({ both: 0, onlyA: 0, onlyB: 0, neither: 0 });
    assert.equal(found.verdict, 'no verdict');
    assert.ok(found.more >= 20 && found.more < 2000, `${found.more}`);
  });

  it('the episodes asked for do show the difference, with the power that was wanted', () => {
    const wins = 0.8;
    const m = discordantNeeded(wins, 0.05, 0.8);
    const rng = new Rng(9);
    const runs = 2000;
    const significant = (pairs: number): number => {
      let found = 0;
      for (let i = 0; i < runs; i++) {
        let a = 0;
        for (let k = 0; k < pairs; k++) a += rng.uniform() < wins ? 1 : 0;
        found += mcnemarExact(a, pairs - a) < 0.05 ? 1 : 0;
      }
      return found / runs;
    };
    const slack = 5 * Math.sqrt((0.8 * 0.2) / runs);
    assert.ok(significant(m) >= 0.8 - slack, `${m} pairs: ${significant(m)}`);
    assert.ok(significant(Math.floor(m * 0.7)) < 0.8, 'far fewer do not');
    assert.equal(discordantNeeded(0.5, 0.05, 0.8), Infinity);
  });
});

describe('unpaired verdict', () => {
  it('better, no verdict, and how many more', () => {
    assert.equal(unpairedVerdict(90, 100, 60, 100).verdict, 'A is better');
    const found = unpairedVerdict(9, 10, 6, 10);
    assert.equal(found.verdict, 'no verdict');
    const k = 10 + found.more;
    assert.ok(unpairedVerdict(Math.round(0.9 * k), k, Math.round(0.6 * k), k).p < 0.05, `${k}`);
    assert.equal(unpairedVerdict(0, 0, 3, 4).verdict, 'no verdict');
  });
});
