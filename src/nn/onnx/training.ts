/** Ways to say operations that ONNX Runtime runs faster while training, where weights change in every step. */
import type { Lowerings } from './lower.ts';

export const TRAINING_LOWERINGS: Partial<Lowerings> = {};
