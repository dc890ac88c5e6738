/** Values of parameters by name. */
import { ArmloopError } from '../errors.ts';
import { showShape, sizeOf, type Tensor } from './tensor.ts';

/** The values of one parameter, of the length that its shape asks for. */
export function valuesOf(parameters: ReadonlyMap<string, Float32Array>, tensor: Tensor): Float32Array {
  const values = parameters.get(tensor.name);
  const want = sizeOf(tensor.shape);
  if (values?.length !== want) {
    const what = `parameter ${tensor.name} of shape ${showShape(tensor.shape)}`;
    throw new ArmloopError('LENGTH_MISMATCH', { what, got: values?.length ?? 0, want });
  }
  return values;
}
