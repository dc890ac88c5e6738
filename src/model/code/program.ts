/** What a function computes, ready to be written out: live nodes in order, uses, outputs. */
import { type Expr, type Graph, OP } from './expression.ts';

/** An array that a function reads. */
export interface InputSpec {
  readonly name: string;
  readonly elements: readonly Expr[];
  /** In a function over many evaluations: all of them read this one array. */
  readonly shared?: boolean;
}

/** An array that a function writes, one expression per element. */
export interface OutputSpec {
  readonly name: string;
  readonly elements: readonly Expr[];
}

export interface FunctionSpec {
  readonly name: string;
  readonly graph: Graph;
  /**
   * Of a function over many evaluations, whose arrays follow each other in memory: `independent` ones may go two at a
   * time; in a `sequence` one reads what the one before it wrote. Without: a single evaluation.
   */
  readonly each?: 'independent' | 'sequence';
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
}

/** A step: a node that is computed. Operands are indices of steps. */
export interface Program {
  readonly ops: readonly number[];
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly c: readonly number[];
  /** Value of constants; index of inputs, counted over all input arrays. */
  readonly values: readonly number[];
  /** Step of each output element, counted over all output arrays; -1 in a part that does not make it. */
  readonly outputs: readonly number[];
  /** Arithmetic operations: all but constants and inputs. */
  readonly operations: number;
}

/** Live nodes of a function, in the order in which they were made, signs absorbed where that is free. */
export function programOf({ graph, inputs, outputs }: FunctionSpec): Program {
  const roots = outputs.flatMap((o) => o.elements);
  const order = live(graph, roots);
  const position = new Map(order.map((node, i) => [node, i]));
  const index = new Map<number, number>();
  let at = 0;
  for (const input of inputs) for (const e of input.elements) index.set(e, at++);
  const step = (e: number): number => (e < 0 ? -1 : position.get(e)!);
  const ops = order.map((e) => graph.ops[e]! as number);
  const a = order.map((e) => step(graph.a[e]!));
  const b = order.map((e) => step(graph.b[e]!));
  const c = order.map((e) => step(graph.c[e]!));
  const values = order.map((e, i) => {
    if (ops[i] !== OP.input) return graph.values[e]!;
    const where = index.get(e);
    if (where === undefined) throw new Error('an expression uses an input that the function does not take');
    return where;
  });
  const flat = { ops, a, b, c, values, outputs: roots.map((e) => position.get(e)!) };
  absorbSigns(flat);
  return compact(flat);
}

function live(graph: Graph, roots: readonly Expr[]): number[] {
  const marked = new Uint8Array(graph.size);
  for (const e of roots) marked[e] = 1;
  for (let i = graph.size - 1; i >= 0; i--) {
    if (marked[i] === 0) continue;
    for (const e of [graph.a[i]!, graph.b[i]!, graph.c[i]!]) if (e >= 0) marked[e] = 1;
  }
  const order: number[] = [];
  for (let i = 0; i < graph.size; i++) if (marked[i] === 1) order.push(i);
  return order;
}

interface Flat {
  readonly ops: number[];
  readonly a: number[];
  readonly b: number[];
  readonly c: number[];
  readonly values: number[];
  readonly outputs: number[];
}

function countUses({ ops, a, b, c, outputs }: Flat): Int32Array {
  const uses = new Int32Array(ops.length);
  for (let i = 0; i < ops.length; i++) for (const e of [a[i]!, b[i]!, c[i]!]) if (e >= 0) uses[e]!++;
  for (const e of outputs) uses[e]!++;
  return uses;
}

/** −(x − y) = y − x where nothing else uses x − y. */
function absorbSigns(flat: Flat): void {
  const uses = countUses(flat);
  flat.ops.forEach((op, i) => {
    const x = flat.a[i]!;
    if (op !== OP.neg || flat.ops[x] !== OP.sub || uses[x] !== 1) return;
    flat.ops[i] = OP.sub;
    flat.a[i] = flat.b[x]!;
    flat.b[i] = flat.a[x]!;
    uses[x] = 0;
  });
}

/** Drops steps that nothing uses any more. */
function compact(flat: Flat): Program {
  const keep = new Uint8Array(flat.ops.length);
  for (const e of flat.outputs) keep[e] = 1;
  for (let i = keep.length - 1; i >= 0; i--) {
    if (keep[i] === 0) continue;
    for (const e of [flat.a[i]!, flat.b[i]!, flat.c[i]!]) if (e >= 0) keep[e] = 1;
  }
  const moved = new Int32Array(keep.length).fill(-1);
  let count = 0;
  keep.forEach((k, i) => {
    if (k === 1) moved[i] = count++;
  });
  const pick = <T>(list: readonly T[]): T[] => list.filter((_, i) => keep[i] === 1);
  const operand = (list: readonly number[]): number[] => pick(list).map((e) => (e < 0 ? -1 : moved[e]!));
  const made: Flat = {
    ops: pick(flat.ops),
    a: operand(flat.a),
    b: operand(flat.b),
    c: operand(flat.c),
    values: pick(flat.values),
    outputs: flat.outputs.map((e) => moved[e]!),
  };
  const operations = made.ops.filter((op) => op !== OP.constant && op !== OP.input).length;
  return { ...made, operations };
}
