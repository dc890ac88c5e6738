/** Uncoupled pendulums as a DynamicsModel: a = u − 9.81 sin q − 0.3 v, derivatives in closed form. */
import type { DynamicsModel } from '../../src/model/dynamics.ts';

export function pendulums(n: number): DynamicsModel {
  const unused = (): never => {
    throw new Error('not for this test');
  };
  return {
    n,
    joints: [],
    frame: unused,
    pose: unused,
    jacobian: unused,
    rnea: unused,
    massMatrix: unused,
    gravity: unused,
    coriolis: unused,
    rneaDerivatives: unused,
    forwardHessian: unused,
    forward(q, v, tau, out) {
      for (let i = 0; i < n; i++) out[i] = tau[i]! - 9.81 * Math.sin(q[i]!) - 0.3 * v[i]!;
    },
    forwardDerivatives(q, _v, _tau, dq, dv, dtau) {
      for (const m of [dq, dv, dtau]) m.fill(0);
      for (let i = 0; i < n; i++) {
        dq[i * n + i] = -9.81 * Math.cos(q[i]!);
        dv[i * n + i] = -0.3;
        dtau[i * n + i] = 1;
      }
    },
  };
}
