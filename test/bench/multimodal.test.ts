import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demonstration, LENGTH, moved, type Point, type Scene, TASKS } from '../../bench/multimodal/tasks.ts';
import { Rng } from '../../src/math/rng.ts';

/** The path of a rule that gives an action at every position. */
function follow(scene: Scene, rule: (at: Point) => Point): Point[] {
  const path = [scene.start];
  for (let t = 0; t < LENGTH; t++) path.push(moved(path.at(-1)!, rule(path.at(-1)!)));
  return path;
}

for (const task of TASKS) {
  describe(`task of the heads: ${task.title}`, () => {
    it('either way succeeds, and their average goes between them and fails', () => {
      const rng = new Rng(11);
      for (let n = 0; n < 100; n++) {
        const scene = task.draw(rng);
        assert.equal(scene.observe(scene.start).length, task.observationSize);
        for (const side of [-1, 1] as const) {
          const verdict = scene.judge(follow(scene, (at) => scene.demonstrate(at, side)));
          assert.deepEqual(verdict, { success: true, between: false }, `scene ${n}, side ${side}`);
        }
        const average = follow(scene, (at) => {
          const [a, b] = [scene.demonstrate(at, -1), scene.demonstrate(at, 1)];
          return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
        });
        assert.deepEqual(scene.judge(average), { success: false, between: true }, `scene ${n}`);
      }
    });

    it('a recorded chunk holds no answer to a push: carried out unseeing, it goes where the demonstrator went', () => {
      const rng = new Rng(13);
      let begunOnTheWay = 0;
      for (let n = 0; n < 200; n++) {
        const { observations, actions } = demonstration(task, rng);
        let at: Point = [0, 0];
        for (let t = 0; t < LENGTH; t++) {
          // All that is seen moves against the point.
          observations[t]!.forEach((seen, i) => {
            const off = Math.abs(seen - (observations[0]![i]! - at[i % 2]!));
            assert.ok(off < 1e-12, `demonstration ${n}, step ${t}, number ${i}: off by ${off}`);
          });
          at = moved(at, actions[t]!);
        }
        // A whole way is never shorter than four steps.
        begunOnTheWay += actions.filter((a) => Math.hypot(...a) > 0.5).length < 4 ? 1 : 0;
      }
      assert.ok(begunOnTheWay > 20, `${begunOnTheWay} of 200`);
    });

    it('demonstrations take both ways equally often and their actions are in range', () => {
      const rng = new Rng(12);
      let up = 0;
      for (let n = 0; n < 200; n++) {
        const { observations, actions } = demonstration(task, rng);
        assert.equal(observations.length, LENGTH);
        assert.ok(actions.every((a) => Math.hypot(...a) <= 1 + 1e-12));
        // Which way: the sign of what differs between the two, in the first action.
        const [x, y] = actions[0]!;
        // The obstacle is passed above or below its middle; the targets are left and right.
        up += (task.name === 'obstacle' ? y - observations[0]![1]! : x) > 0 ? 1 : 0;
      }
      assert.ok(up > 70 && up < 130, `${up} of 200`);
    });
  });
}
