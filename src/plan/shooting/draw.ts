/** Draws samples: θ = mean + σ ε inside the limits of the parameters, and the controls that they stand for. */
import type { Rng } from '../../math/rng.ts';
import type { SamplingWorkspace } from './workspace.ts';

/** Fills thetas and controls of samples from ≤ i < from + count. */
export function drawSamples(w: SamplingWorkspace, rng: Rng, from: number, count: number): void {
  const { size, mean, sigma, thetas, thetaLow, thetaHigh } = w;
  for (let i = from; i < from + count; i++) {
    const at = i * size;
    if (w.noise === null) rng.fillNormal(thetas, at, size);
    else drawColoured(w, rng, at);
    for (let p = 0; p < size; p++) {
      const theta = mean[p]! + sigma[p]! * thetas[at + p]!;
      const low = thetaLow[p]!;
      const high = thetaHigh[p]!;
      thetas[at + p] = theta < low ? low : theta > high ? high : theta;
    }
    controlsOf(w, i);
  }
}

/** The same with θ uniform between its limits, which must be finite. */
export function drawUniform(w: SamplingWorkspace, rng: Rng, from: number, count: number): void {
  const { size, thetas, thetaLow, thetaHigh } = w;
  for (let i = from; i < from + count; i++) {
    const at = i * size;
    rng.fillUniform(thetas, at, size);
    for (let p = 0; p < size; p++)
      thetas[at + p] = thetaLow[p]! + (thetaHigh[p]! - thetaLow[p]!) * thetas[at + p]!;
    controlsOf(w, i);
  }
}

/** Controls of one sample from its θ. */
export function controlsOf(w: SamplingWorkspace, sample: number): void {
  const { basis, base, low, high, size } = w;
  const stride = basis.horizon * basis.nu;
  basis.controls(w.thetas, sample * size, base, low, high, w.controls, sample * stride);
}

/** ε of one sample: a sequence per control; each draw of the noise gives two. */
function drawColoured({ noise, basis, thetas }: SamplingWorkspace, rng: Rng, at: number): void {
  const { horizon, nu } = basis;
  for (let j = 0; j < nu; j += 2) {
    noise!.draw(rng);
    for (let t = 0; t < horizon; t++) {
      thetas[at + t * nu + j] = noise!.first[t]!;
      if (j + 1 < nu) thetas[at + t * nu + j + 1] = noise!.second[t]!;
    }
  }
}
