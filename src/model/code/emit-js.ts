/**
 * A program as JavaScript source: one straight-line function of its arrays. Values live in a few variables that are
 * used again, and long programs are cut into functions of their own, because V8 optimises none whose bytecode exceeds
 * 60 KiB; what one part leaves for later ones goes through an array.
 */
import { OP } from './expression.ts';
import { type FunctionSpec, type Program, programOf } from './program.ts';

/** Operations of one part: some 8 bytes of bytecode each. */
const PART = 3000;

const BINARY: Readonly<Partial<Record<number, string>>> = {
  [OP.add]: '+',
  [OP.sub]: '-',
  [OP.mul]: '*',
  [OP.div]: '/',
};
const CALLS: Readonly<Partial<Record<number, string>>> = {
  [OP.sin]: 'sin',
  [OP.cos]: 'cos',
  [OP.sqrt]: 'sqrt',
  [OP.abs]: 'abs',
  [OP.exp]: 'exp',
  [OP.log]: 'log',
  [OP.tanh]: 'tanh',
  [OP.min]: 'min',
  [OP.max]: 'max',
};

/**
 * Source of an expression whose value is an object of functions `NAME(input arrays …, output arrays …)`; of those over
 * many evaluations `NAME(count, array, start, array, start, …)`, inputs first.
 */
export function emitJs(functions: readonly FunctionSpec[]): string {
  const parts = functions.map((spec) => emitFunction(spec));
  const names = functions.map((f) => f.name).join(', ');
  return `(() => {
'use strict';
const { sin, cos, sqrt, abs, exp, log, tanh, min, max } = Math;
const copysign = (a, b) => (b < 0 || (b === 0 && 1 / b < 0) ? -abs(a) : abs(a));
${parts.join('\n')}
return { ${names} };
})()`;
}

function emitFunction(spec: FunctionSpec): string {
  const program = programOf(spec);
  const many = spec.each !== undefined;
  const arrays = [...spec.inputs, ...spec.outputs];
  const element = ({ name }: { readonly name: string }, i: number): string =>
    many ? `${name}[${name}$ + ${i}]` : `${name}[${i}]`;
  const of = (side: readonly { readonly name: string; readonly elements: readonly unknown[] }[]): string[] =>
    side.flatMap((array) => array.elements.map((_, i) => element(array, i)));
  const params = arrays.flatMap(({ name }) => (many ? [name, `${name}$`] : [name])).join(', ');
  const pieces = emitPieces(spec.name, program, of(spec.inputs), of(spec.outputs));
  const inner = pieces.bodies.map((body, k) => `function ${spec.name}$${k}(${params}) {\n${body}}`);
  const calls = pieces.bodies.map((_, k) => `${spec.name}$${k}(${params});`).join('\n');
  const keep = `const ${spec.name}$kept = new Float64Array(${pieces.kept});`;
  if (!many) {
    if (inner.length === 1) return `function ${spec.name}(${params}) {\n${pieces.bodies[0]}}`;
    return `${keep}\n${inner.join('\n')}\nfunction ${spec.name}(${params}) {\n${calls}\n}`;
  }
  const advance = arrays
    .filter((a) => !('shared' in a && a.shared === true))
    .map(({ name, elements }) => `${name}$ += ${elements.length};`);
  const loop = `for (let i = 0; i < count; i++) {\n${calls}\n${advance.join('\n')}\n}`;
  return `${keep}\n${inner.join('\n')}\nfunction ${spec.name}(count, ${params}) {\n${loop}\n}`;
}

/** Bodies of the parts, and how many values go between them. */
function emitPieces(
  name: string,
  program: Program,
  inputs: readonly string[],
  outputs: readonly string[],
): { readonly bodies: readonly string[]; readonly kept: number } {
  const count = program.ops.length;
  const cuts: number[] = [0];
  for (let i = 0, done = 0; i < count; i++) {
    if (program.ops[i] !== OP.constant && program.ops[i] !== OP.input) done++;
    if (done < PART) continue;
    cuts.push(i + 1);
    done = 0;
  }
  if (cuts.at(-1) !== count) cuts.push(count);
  const shared = crossing(program, cuts);
  const bodies = cuts
    .slice(0, -1)
    .map((from, k) => emitPart(program, from, cuts[k + 1]!, inputs, outputs, shared, `${name}$kept`));
  return { bodies, kept: shared.size };
}

/** Steps that a later part reads, with their places in the array between parts. */
function crossing(program: Program, cuts: readonly number[]): Map<number, number> {
  const part = new Int32Array(program.ops.length);
  cuts.slice(0, -1).forEach((from, k) => {
    part.fill(k, from, cuts[k + 1]!);
  });
  const found = new Map<number, number>();
  for (let i = 0; i < part.length; i++) {
    for (const e of [program.a[i]!, program.b[i]!, program.c[i]!]) {
      if (e < 0 || program.ops[e] === OP.constant || program.ops[e] === OP.input) continue;
      if (part[e] !== part[i] && !found.has(e)) found.set(e, found.size);
    }
  }
  return found;
}

function emitPart(
  program: Program,
  from: number,
  to: number,
  inputs: readonly string[],
  outputs: readonly string[],
  shared: ReadonlyMap<number, number>,
  kept: string,
): string {
  const { ops, a, b, c, values } = program;
  const lines: string[] = [];
  const variable = new Map<number, number>();
  const free: number[] = [];
  let variables = 0;
  const last = new Map<number, number>();
  for (let i = from; i < to; i++) for (const e of [a[i]!, b[i]!, c[i]!]) if (e >= 0) last.set(e, i);
  const stores = new Map<number, number[]>();
  program.outputs.forEach((step, k) => {
    if (step >= from && step < to) stores.set(step, [...(stores.get(step) ?? []), k]);
  });
  const assign = (step: number, text: string): void => {
    const v = free.pop() ?? variables++;
    variable.set(step, v);
    lines.push(`v${v} = ${text};`);
  };
  const read = (step: number): string => {
    if (ops[step] === OP.constant) return literal(values[step]!);
    const v = variable.get(step);
    if (v !== undefined) return `v${v}`;
    // From an earlier part, or an input: once into a variable.
    assign(step, ops[step] === OP.input ? inputs[values[step]!]! : `${kept}[${shared.get(step)!}]`);
    return `v${variable.get(step)!}`;
  };
  const store = (step: number): void => {
    for (const k of stores.get(step) ?? []) lines.push(`${outputs[k]!} = ${read(step)};`);
    const keep = shared.get(step);
    if (keep !== undefined) lines.push(`${kept}[${keep}] = ${read(step)};`);
  };
  for (let i = from; i < to; i++) {
    if (ops[i] !== OP.constant && ops[i] !== OP.input) {
      const operands = [a[i]!, b[i]!, c[i]!].filter((e) => e >= 0).map(read);
      for (const e of new Set([a[i]!, b[i]!, c[i]!])) {
        if (e >= 0 && last.get(e) === i && variable.has(e)) free.push(variable.get(e)!);
      }
      assign(i, expression(ops[i]!, operands));
    }
    store(i);
    if (!last.has(i) && variable.has(i)) free.push(variable.get(i)!);
  }
  const names = Array.from({ length: variables }, (_, v) => `v${v} = 0`);
  return `${names.length === 0 ? '' : `let ${names.join(', ')};\n`}${lines.join('\n')}\n`;
}

function expression(op: number, operands: readonly string[]): string {
  const [x, y, z] = operands;
  if (BINARY[op] !== undefined) return `${x} ${BINARY[op]} ${y}`;
  if (CALLS[op] !== undefined) return `${CALLS[op]}(${operands.join(', ')})`;
  if (op === OP.neg) return `-${x}`;
  if (op === OP.copysign) return `copysign(${x}, ${y})`;
  if (op === OP.select) return `${x} > 0 ? ${y} : ${z}`;
  throw new Error(`operation ${op} cannot be emitted`);
}

/** Negative literals in brackets, so that no sign meets an operator. */
function literal(value: number): string {
  if (Object.is(value, -0)) return '(-0)';
  return value < 0 ? `(${value})` : `${value}`;
}
