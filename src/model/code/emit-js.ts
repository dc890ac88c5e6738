/**
 * A program as JavaScript source: one straight-line function of its arrays. Values live in a few variables that are
 * used again, and long programs are cut into functions of their own (parts.ts).
 */
import { OP } from './expression.ts';
import { cutProgram } from './parts.ts';
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
  const inputs = of(spec.inputs);
  const outputs = of(spec.outputs);
  const { programs, kept } = cutProgram(program, inputs.length, PART);
  const between = Array.from({ length: kept }, (_, k) => `${spec.name}$kept[${k}]`);
  const bodies = programs.map((p) => emitBody(p, [...inputs, ...between], [...outputs, ...between]));
  const inner = bodies.map((body, k) => `function ${spec.name}$${k}(${params}) {\n${body}}`);
  const calls = bodies.map((_, k) => `${spec.name}$${k}(${params});`).join('\n');
  const keep = `const ${spec.name}$kept = new Float64Array(${kept});`;
  if (!many) {
    if (inner.length === 1) return `function ${spec.name}(${params}) {\n${bodies[0]}}`;
    return `${keep}\n${inner.join('\n')}\nfunction ${spec.name}(${params}) {\n${calls}\n}`;
  }
  const advance = arrays
    .filter((a) => !('shared' in a && a.shared === true))
    .map(({ name, elements }) => `${name}$ += ${elements.length};`);
  const loop = `for (let i = 0; i < count; i++) {\n${calls}\n${advance.join('\n')}\n}`;
  return `${keep}\n${inner.join('\n')}\nfunction ${spec.name}(count, ${params}) {\n${loop}\n}`;
}

/** `inputs`, `outputs`: text of each element. */
function emitBody(program: Program, inputs: readonly string[], outputs: readonly string[]): string {
  const { ops, a, b, c, values } = program;
  const lines: string[] = [];
  const variable = new Int32Array(ops.length).fill(-1);
  const free: number[] = [];
  let variables = 0;
  const last = new Int32Array(ops.length).fill(-1);
  for (let i = 0; i < ops.length; i++) for (const e of [a[i]!, b[i]!, c[i]!]) if (e >= 0) last[e] = i;
  const stores = new Map<number, number[]>();
  program.outputs.forEach((step, k) => {
    if (step < 0) return;
    const list = stores.get(step);
    if (list === undefined) stores.set(step, [k]);
    else list.push(k);
  });
  const assign = (step: number, text: string): void => {
    variable[step] = free.pop() ?? variables++;
    lines.push(`v${variable[step]} = ${text};`);
  };
  const read = (step: number): string => {
    if (ops[step] === OP.constant) return literal(values[step]!);
    // An input is read once, at its first use.
    if (variable[step]! < 0) assign(step, inputs[values[step]!]!);
    return `v${variable[step]!}`;
  };
  for (let i = 0; i < ops.length; i++) {
    if (ops[i] !== OP.constant && ops[i] !== OP.input) {
      const operands = [a[i]!, b[i]!, c[i]!].filter((e) => e >= 0);
      const texts = operands.map(read);
      for (const e of new Set(operands)) if (last[e] === i && variable[e]! >= 0) free.push(variable[e]!);
      assign(i, expression(ops[i]!, texts));
    }
    for (const k of stores.get(i) ?? []) lines.push(`${outputs[k]!} = ${read(i)};`);
    if (last[i] === -1 && variable[i]! >= 0) free.push(variable[i]!);
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
