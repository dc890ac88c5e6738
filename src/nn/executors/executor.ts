/** What runs a graph. */
import type { TensorData } from '../tensor.ts';

export interface Executor extends AsyncDisposable {
  /** Values of all outputs by name, from values of all inputs by name. */
  run(feeds: Readonly<Record<string, TensorData>>): Promise<Record<string, TensorData>>;
}
