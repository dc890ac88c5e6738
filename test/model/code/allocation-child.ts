/** Child of generated.test.ts, run with --expose-gc: prints bytes per round of every function of both forms. */
import { Arena } from '../../../src/model/code/arena.ts';
import { dynamicTree } from '../../../src/model/dynamic-tree.ts';
import { type CodeForm, generateDynamics } from '../../../src/model/generated.ts';
import { readTree } from '../../../src/model/load.ts';
import { bytesPerRound } from '../../support/garbage.ts';
import { PANDA7 } from '../../support/panda.ts';

const tree = dynamicTree(readTree(PANDA7));
const n = 7;
const T = 4;
const result: Record<string, number> = {};
for (const form of ['js', 'wasm'] as CodeForm[]) {
  const arena = new Arena(1 << 18);
  const model = generateDynamics(tree, { arena }, form);
  const tool = model.frame('link7');
  const flow = model.trajectories('euler');
  for (const place of ['arena', 'heap']) {
    const array = (count: number): Float64Array =>
      place === 'arena' ? arena.alloc(count) : new Float64Array(count);
    const [q, v, tau, w] = [0, 1, 2, 3].map(() => array(n).fill(0.3)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const [p, J, x, A, B, C, H] = [7, 6 * n, n, n * n, n * n, n * n, 9 * n * n].map(array) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    result[`${form}, ${place}`] = bytesPerRound(
      () => {
        model.pose(q, tool, p);
        model.jacobian(q, tool, J);
        model.rnea(q, v, tau, x);
        model.forward(q, v, tau, x);
        model.massMatrix(q, A);
        model.gravity(q, x);
        model.coriolis(q, v, x);
        model.rneaDerivatives(q, v, tau, A, B);
        model.forwardDerivatives(q, v, tau, A, B, C);
        model.forwardHessian(q, v, tau, w, H);
      },
      500,
      3000,
    );
    if (form === 'wasm' && place === 'heap') continue;
    const [xs, us] = [array((T + 1) * 2 * n), array(T * n)];
    const [fx, fu] = [array(T * 4 * n * n), array(T * 2 * n * n)];
    result[`${form}, trajectory`] = bytesPerRound(
      () => {
        flow.rollout(T, xs, us, 0.01);
        flow.derivatives(T, xs, us, 0.01, fx, fu);
        flow.steps(T, xs, us, 0.01, fx);
      },
      500,
      3000,
    );
  }
}
console.log(JSON.stringify(result));
