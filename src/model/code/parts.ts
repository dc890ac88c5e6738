/**
 * Long programs in parts. What one part leaves for later ones goes through memory ("kept" values), of which the compilers
 * of V8 make better use than of registers that they have to share among thousands of values; JavaScript functions beyond
 * 60 KiB of bytecode they do not optimise at all.
 */
import { OP } from './expression.ts';
import type { Program } from './program.ts';

export interface Parts {
  /**
   * Programs to run one after the other. Their inputs count on with the kept values after the last input of the whole
   * program, their outputs with the kept values after its last output; -1 where a part does not make an output.
   */
  readonly programs: readonly Program[];
  /** How many values are kept. */
  readonly kept: number;
}

/** In parts of about `limit` operations. `inputs`: how many the program has. */
export function cutProgram(program: Program, inputs: number, limit: number): Parts {
  const { ops, a, b, c, outputs } = program;
  const cuts: number[] = [0];
  for (let i = 0, done = 0; i < ops.length; i++) {
    if (!leaf(program, i)) done++;
    if (done < limit) continue;
    cuts.push(i + 1);
    done = 0;
  }
  // A rest of a few operations goes with the part before it.
  if (cuts.length > 1 && program.operations % limit < limit / 4) cuts.pop();
  if (cuts.at(-1) !== ops.length) cuts.push(ops.length);
  if (cuts.length === 2) return { programs: [program], kept: 0 };

  const part = new Int32Array(ops.length);
  cuts.slice(0, -1).forEach((from, k) => {
    part.fill(k, from, cuts[k + 1]!);
  });
  const kept = new Map<number, number>();
  for (let i = 0; i < ops.length; i++) {
    for (const e of [a[i]!, b[i]!, c[i]!]) {
      if (e >= 0 && part[e] !== part[i] && !leaf(program, e) && !kept.has(e)) kept.set(e, kept.size);
    }
  }
  const programs = cuts.slice(0, -1).map((from, k) => {
    const made: Builder = { ops: [], a: [], b: [], c: [], values: [], place: new Map() };
    for (let i = from; i < cuts[k + 1]!; i++) {
      if (leaf(program, i)) continue;
      const operands = [a[i]!, b[i]!, c[i]!].map((e) =>
        e < 0 ? -1 : operand(program, made, e, inputs, kept),
      );
      push(made, i, ops[i]!, operands, 0);
    }
    const outs: number[] = new Array(outputs.length + kept.size).fill(-1);
    outputs.forEach((e, o) => {
      // Outputs that are inputs or constants have no part of their own: the first one writes them.
      const here = leaf(program, e) ? k === 0 : part[e] === k;
      if (here) outs[o] = operand(program, made, e, inputs, kept);
    });
    for (const [e, slot] of kept) if (part[e] === k) outs[outputs.length + slot] = made.place.get(e)!;
    return finish(made, outs);
  });
  return { programs, kept: kept.size };
}

function leaf({ ops }: Program, i: number): boolean {
  return ops[i] === OP.constant || ops[i] === OP.input;
}

interface Builder {
  readonly ops: number[];
  readonly a: number[];
  readonly b: number[];
  readonly c: number[];
  readonly values: number[];
  /** Step of the part, by step of the whole. */
  readonly place: Map<number, number>;
}

function push(made: Builder, step: number, op: number, operands: readonly number[], value: number): number {
  made.place.set(step, made.ops.length);
  made.a.push(operands[0]!);
  made.b.push(operands[1]!);
  made.c.push(operands[2]!);
  made.values.push(value);
  return made.ops.push(op) - 1;
}

/** The step of a part that holds a step of the whole; what comes from elsewhere is read at its first use. */
function operand(
  program: Program,
  made: Builder,
  e: number,
  inputs: number,
  kept: ReadonlyMap<number, number>,
): number {
  const there = made.place.get(e);
  if (there !== undefined) return there;
  const none = [-1, -1, -1];
  if (leaf(program, e)) return push(made, e, program.ops[e]!, none, program.values[e]!);
  return push(made, e, OP.input, none, inputs + kept.get(e)!);
}

function finish({ ops, a, b, c, values }: Builder, outputs: readonly number[]): Program {
  const operations = ops.filter((op) => op !== OP.constant && op !== OP.input).length;
  return { ops, a, b, c, values, outputs, operations };
}
