/** Linear light 0..1 → sRGB bytes (IEC 61966-2-1), by table. */

const STEPS = 4096;
export const SRGB_STEPS = STEPS - 1;

/** Entry i is the byte of linear i / SRGB_STEPS. */
export const SRGB: Uint8Array = Uint8Array.from({ length: STEPS }, (_, i) => {
  const c = i / SRGB_STEPS;
  return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
});

/** One sRGB value 0..1 as linear light: for colours that were chosen on a screen. */
export function toLinear(c: number): number {
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}
