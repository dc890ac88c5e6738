/**
 * Child of allocation.test.ts, run with --expose-gc: prints bytes per call of each function of each form of dynamics,
 * and of one that makes an object a call.
 */
import { Rng } from '../../src/math/rng.ts';
import { dynamicTree } from '../../src/model/dynamic-tree.ts';
import { readTree } from '../../src/model/load.ts';
import { FORMS } from '../support/dynamics-forms.ts';
import { bytesPerRound } from '../support/garbage.ts';
import { PANDA7 } from '../support/panda.ts';

const n = 7;
const rng = new Rng(1);
const tree = dynamicTree(readTree(PANDA7), { frictionEps: 0.1 });
const [q, v, a, tau, w] = [0, 1, 2, 3, 4].map(() =>
  Float64Array.from({ length: n }, () => rng.uniform(-1, 1)),
) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
const [x, y, z] = [new Float64Array(n * n), new Float64Array(n * n), new Float64Array(n * n)];
const hessian = new Float64Array(9 * n * n);
const bytes: Record<string, number> = {};
for (const [form, make] of FORMS) {
  const m = await make(tree);
  const frame = m.frame('link7');
  const calls: Record<string, () => void> = {
    pose: () => m.pose(q, frame, x),
    jacobian: () => m.jacobian(q, frame, x),
    rnea: () => m.rnea(q, v, a, x),
    forward: () => m.forward(q, v, tau, x),
    massMatrix: () => m.massMatrix(q, x),
    gravity: () => m.gravity(q, x),
    coriolis: () => m.coriolis(q, v, x),
    rneaDerivatives: () => m.rneaDerivatives(q, v, a, x, y),
    forwardDerivatives: () => m.forwardDerivatives(q, v, tau, x, y, z),
    forwardHessian: () => m.forwardHessian(q, v, tau, w, hessian),
  };
  for (const [name, call] of Object.entries(calls)) {
    bytes[`${form}: ${name}`] = bytesPerRound(call, 1000, 6000, 20);
  }
}
const kept: { value: number }[] = [{ value: 0 }];
const m = await FORMS[0]![1](tree);
const spoilt = bytesPerRound(
  () => {
    m.rnea(q, v, a, x);
    kept[0] = { value: x[0]! };
  },
  1000,
  6000,
  20,
);
console.log(JSON.stringify({ bytes, spoilt }));
