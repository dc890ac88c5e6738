/**
 * New lines of a file that grows by lines of JSON (curves of a run, ledger of a collection), for clients that ask again
 * and again: each answer has a cursor that the next question brings back, so that nothing is sent twice.
 */
import { type FileHandle, open } from 'node:fs/promises';
import Type from 'typebox';
import type { Tail } from './learning-protocol.ts';

/** Bytes of one answer, but for a line that alone is longer. */
const CHUNK = 1 << 20;
const NEWLINE = 10;
const PATTERN = /^(\d+)-(\d+)$/;

export const tailQuery = Type.Object(
  {
    from: Type.Optional(
      Type.String({
        pattern: PATTERN.source,
        maxLength: 48,
        description: 'The cursor of the answer before; everything when left out.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Whole lines after the cursor; those of a missing file are none. A last line without its end is not yet one. */
export async function tailOf<T>(path: string, from: string | undefined): Promise<Tail<T>> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { cursor: '0-0', fresh: true, more: false, damaged: 0, lines: [] };
  }
  try {
    const { ino, size } = await file.stat({ bigint: true });
    const [, inode, offset] = PATTERN.exec(from ?? '') ?? [];
    const at = Number(offset ?? 0);
    // The same file as before, and still a line's end there: otherwise it was written anew.
    const goesOn = inode === String(ino) && at <= Number(size) && (await endsLine(file, at));
    const start = goesOn ? at : 0;
    const { block, more } = await wholeLines(file, start, Number(size));
    const { lines, damaged } = parsed<T>(block);
    return { cursor: `${ino}-${start + block.length}`, fresh: !goesOn, more, damaged, lines };
  } finally {
    await file.close();
  }
}

async function endsLine(file: FileHandle, at: number): Promise<boolean> {
  if (at === 0) return true;
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at - 1);
  return byte[0] === NEWLINE;
}

/** From `start` up to and with the last line end that one answer reaches, and whether the file goes on beyond it. */
async function wholeLines(
  file: FileHandle,
  start: number,
  size: number,
): Promise<{ block: Buffer; more: boolean }> {
  for (let length = CHUNK; ; length *= 2) {
    const block = Buffer.alloc(Math.min(length, size - start));
    const { bytesRead } = await file.read(block, 0, block.length, start);
    const end = block.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
    const more = start + length < size;
    if (end > 0 || !more) return { block: block.subarray(0, end), more };
  }
}

function parsed<T>(block: Buffer): { lines: T[]; damaged: number } {
  const lines: T[] = [];
  let damaged = 0;
  for (const line of block.toString('utf8').split('\n').slice(0, -1)) {
    try {
      lines.push(JSON.parse(line) as T);
    } catch {
      damaged++;
    }
  }
  return { lines, damaged };
}
