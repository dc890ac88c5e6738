import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cloneBehaviour } from '../../src/learn/bc.ts';
import { actingWeights, type Checkpoint } from '../../src/learn/checkpoint.ts';
import type { TrainLine, ValidationLine } from '../../src/learn/metrics.ts';
import { cloning, pointData, pointRecipe } from '../support/cloning.ts';
import { allClose } from '../support/close.ts';

const data = pointData(20, 0.2);
const isLook = (line: object): line is ValidationLine => 'validation' in line;

describe('behaviour cloning', () => {
  it('learns, and its held-out error is in units of the axes', async () => {
    const c = cloning(pointRecipe({ steps: 400, logEvery: 50 }), data);
    const { ended, reason, state } = await cloneBehaviour(c);
    assert.deepEqual([ended, state.step], ['finished', 400]);
    assert.match(reason, /all 400 steps/);
    const trained = c.lines.filter((l): l is TrainLine => !isLook(l));
    assert.deepEqual(
      trained.map((l) => l.step),
      [50, 100, 150, 200, 250, 300, 350, 400],
    );
    assert.ok(trained.at(-1)!.loss < trained[0]!.loss / 4, `${trained[0]!.loss} → ${trained.at(-1)!.loss}`);
    const looks = c.lines.filter(isLook);
    assert.equal(looks.length, 20);
    const { validation } = looks.at(-1)!;
    assert.equal(validation.samples, data.validation.samples);
    const [unit] = Object.keys(validation.error);
    assert.equal(unit, data.action.units[0]);
    // The goals are spread over 1 m: a policy that ignores what it sees errs by about 0.2.
    assert.ok(validation.error[unit!]! < 0.02, `${validation.error[unit!]} ${unit}`);
  });

  it('by TensorFlow.js it learns the same but for rounding, looks included', async () => {
    const loss = async (provider: 'cpu' | 'tfjs'): Promise<number[]> => {
      const c = cloning(pointRecipe({ steps: 40, provider }), data);
      await cloneBehaviour(c);
      assert.equal(c.saved.at(-1)!.state.provider, provider);
      return c.lines.map((l) => (isLook(l) ? l.validation.loss : l.loss));
    };
    const [ours, theirs] = [await loss('tfjs'), await loss('cpu')];
    assert.ok(theirs.length >= 4 && theirs.at(-1)! < theirs[0]!, 'it learns');
    allClose(ours, theirs, { rtol: 1e-3 });
  });

  it('stopped before any step and gone on with, it ends with the same bits', async () => {
    const recipe = pointRecipe({ steps: 60 });
    const through = cloning(recipe, data);
    await cloneBehaviour(through);
    const want = through.saved.at(-1)!;
    assert.equal(want.state.step, 60);
    for (const stopAt of [0, 1, 20, 33, 59]) {
      const first = cloning(recipe, data, { stopAt });
      const { ended, reason } = await cloneBehaviour(first);
      assert.deepEqual([ended, reason], ['stopped', 'the test says so']);
      const from = first.saved.at(-1) ?? null;
      assert.equal(from?.state.step ?? 0, stopAt);
      const second = cloning(recipe, data, { from });
      await cloneBehaviour(second);
      assert.deepEqual(second.saved.at(-1)!.engine, want.engine, `stopped at ${stopAt}`);
      assert.deepEqual(second.saved.at(-1)!.state.stopping, want.state.stopping);
    }
  });

  it('the seed draws the weights, the order and the noise', async () => {
    const run = async (seed: number): Promise<Checkpoint> => {
      const c = cloning(pointRecipe({ steps: 10, seed }), data);
      await cloneBehaviour(c);
      return c.saved.at(-1)!;
    };
    const weights = async (seed: number) => [...actingWeights(await run(seed)).values()];
    assert.deepEqual(await weights(1), await weights(1));
    assert.notDeepEqual(await weights(1), await weights(2));
  });

  it('ends when looks stop getting better, and the best is saved', async () => {
    // At this rate the held-out error soon goes up and down.
    const c = cloning(
      pointRecipe(
        { steps: 2000, patience: 3, checkpointEvery: 1000 },
        { optimiser: { learningRate: 0.05, warmupSteps: 0, schedule: 'constant', ema: 0 } },
      ),
      data,
    );
    const { ended, reason, state } = await cloneBehaviour(c);
    assert.equal(ended, 'finished');
    assert.match(reason, /3 looks in a row/);
    assert.ok(state.step < 2000);
    assert.equal(state.stopping.without, 3);
    const { best } = state.stopping;
    assert.equal(state.step, best!.step + 3 * 20);
    const errors = c.lines.filter(isLook).map((l) => l.validation.loss);
    assert.equal(best!.error, Math.min(...errors));
    assert.ok(c.saved.some((s) => s.state.step === best!.step));
  });

  it('a time budget ends it, with a last look and a schedule that went to its end', async () => {
    let now = 0;
    const c = cloning(pointRecipe({ steps: 100_000, minutes: 1, logEvery: 1 }), data, {
      clock: () => (now += 0.1),
    });
    const { ended, reason, state } = await cloneBehaviour(c);
    assert.equal(ended, 'finished');
    assert.match(reason, /1 minutes are over/);
    assert.ok(state.elapsed >= 60 && state.elapsed < 65, `${state.elapsed} s`);
    assert.equal(c.lines.filter(isLook).at(-1)!.step, state.step);
    assert.equal(c.saved.at(-1)!.state.step, state.step);
    const rates = c.lines.filter((l): l is TrainLine => !isLook(l)).map((l) => l.lr);
    assert.ok(rates.at(-1)! < 0.001 * rates[10]!, `${rates[10]} → ${rates.at(-1)}`);
  });

  it('without held-out episodes there are no looks', async () => {
    const c = cloning(pointRecipe({ steps: 40 }, { data: { validation: 0 } }), pointData(4, 0));
    const { state } = await cloneBehaviour(c);
    assert.equal(state.stopping.best, null);
    assert.equal(c.lines.filter(isLook).length, 0);
  });

  it('a loss that is not finite ends it with an error, and the checkpoint before it stays the last', async () => {
    const recipe = pointRecipe(
      { steps: 500 },
      {
        optimiser: { kind: 'sgd', learningRate: 1e12, clip: 0, warmupSteps: 0 },
        model: { head: { kind: 'regression', widths: [32], loss: 'l2' } },
      },
    );
    const c = cloning(recipe, data);
    await assert.rejects(cloneBehaviour(c), { code: 'NN_DIVERGED' });
    for (const { engine } of c.saved)
      assert.ok(engine.vectors['parameters']!.every(Number.isFinite), 'what was saved is sound');
  });
});
