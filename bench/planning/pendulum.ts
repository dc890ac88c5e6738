/** The swing-up of a pendulum with too little torque to lift itself: the classic test of planning. */
import type { Problem } from '../../src/plan/problem.ts';

const STAGES = 60;
const DT_S = 0.05;
/** Of a rod of 1 kg and 1 m: g/l, per s². */
const WEIGHT = 9.81;
const DAMPING = 0.1;
const TORQUE = 4;

/** x = (angle from hanging, speed), u = torque; semi-implicit Euler. Starts at (angle, speed) and shall end at (π, 0). */
export function pendulum(angle: number, speed: number): Problem {
  return {
    nx: 2,
    ndx: 2,
    nu: 1,
    horizon: STAGES,
    x0: Float64Array.of(angle, speed),
    lower: Float64Array.of(-TORQUE),
    upper: Float64Array.of(TORQUE),
    dynamics(x, u, _t, out) {
      const v = x[1]! + DT_S * (u[0]! - WEIGHT * Math.sin(x[0]!) - DAMPING * x[1]!);
      out[1] = v;
      out[0] = x[0]! + DT_S * v;
    },
    dynamicsDerivatives(x, _u, _t, fx, fu) {
      fx[2] = -DT_S * WEIGHT * Math.cos(x[0]!);
      fx[3] = 1 - DT_S * DAMPING;
      fx[0] = 1 + DT_S * fx[2]!;
      fx[1] = DT_S * fx[3]!;
      fu[1] = DT_S;
      fu[0] = DT_S * DT_S;
    },
    dynamicsHessian(x, _u, _t, v, xx) {
      xx[0]! += (v[1]! + DT_S * v[0]!) * DT_S * WEIGHT * Math.sin(x[0]!);
    },
    cost: (x, u) => DT_S * (1 + Math.cos(x[0]!) + 0.01 * x[1]! ** 2 + 0.01 * u[0]! ** 2),
    terminalCost: (x) => 10 * (x[0]! - Math.PI) ** 2 + x[1]! ** 2,
    costDerivatives(x, u, _t, lx, lu, lxx, lux, luu) {
      lx[0] = -DT_S * Math.sin(x[0]!);
      lx[1] = 0.02 * DT_S * x[1]!;
      lu[0] = 0.02 * DT_S * u[0]!;
      lxx[0] = -DT_S * Math.cos(x[0]!);
      lxx[1] = 0;
      lxx[2] = 0;
      lxx[3] = 0.02 * DT_S;
      lux.fill(0);
      luu[0] = 0.02 * DT_S;
    },
    terminalDerivatives(x, lx, lxx) {
      lx[0] = 20 * (x[0]! - Math.PI);
      lx[1] = 2 * x[1]!;
      lxx[0] = 20;
      lxx[1] = 0;
      lxx[2] = 0;
      lxx[3] = 2;
    },
  };
}
