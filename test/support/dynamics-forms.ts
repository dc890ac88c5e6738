/** The forms of dynamics that every suite runs over. */
import type { DynamicsModel, DynamicTree } from '../../src/model/dynamics.ts';
import { generateDynamics } from '../../src/model/generated.ts';
import { TreeDynamics } from '../../src/model/tree-dynamics.ts';

export type MakeDynamics = (tree: DynamicTree) => DynamicsModel | Promise<DynamicsModel>;

export const FORMS: readonly (readonly [name: string, make: MakeDynamics])[] = [
  ['plain loops', (tree) => new TreeDynamics(tree)],
  ['generated JavaScript', (tree) => generateDynamics(tree, {}, 'js')],
  ['generated WebAssembly', (tree) => generateDynamics(tree, {}, 'wasm')],
];
