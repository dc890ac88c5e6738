/**
 * Warm start of a receding horizon: what is left of the plan after `stages` stages, its last controls held to the end.
 * plan and out T × nu; `out` may be the plan.
 */
export function shiftControls(plan: Float64Array, nu: number, stages: number, out: Float64Array): void {
  const horizon = plan.length / nu;
  for (let t = 0; t < horizon; t++) {
    const from = Math.min(t + stages, horizon - 1) * nu;
    for (let j = 0; j < nu; j++) out[t * nu + j] = plan[from + j]!;
  }
}
