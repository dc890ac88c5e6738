/**
 * A door into a running emulator, beside its port: a Unix socket that takes one JSON request a line, in the words of the
 * bus (or {what: 'unplug'}, {what: 'plug'}), and answers {value} or {error}. So a dry run can be steered from another terminal, as hands steer hardware.
 */
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { ArmloopError } from '../../../src/errors.ts';

export interface ControlDoor {
  close(): void;
}

type Request = Readonly<Record<string, unknown>>;
type Reply = { readonly value?: unknown; readonly error?: string };

const NAME = 'control';
const ANSWER_MS = 10_000;

export function openDoor(folder: string, obey: (request: Request) => unknown): ControlDoor {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    const lines = createInterface({ input: socket });
    // It says the errors of its input again.
    lines.on('error', () => {});
    lines.on('line', (line) => {
      let reply: Reply;
      try {
        reply = { value: obey(JSON.parse(line) as Request) };
      } catch (error) {
        reply = { error: (error as Error).message };
      }
      socket.write(`${JSON.stringify(reply)}\n`);
    });
  });
  server.on('error', () => {});
  server.listen(join(folder, NAME));
  return { close: () => server.close() };
}

/** Asks the emulator behind `port`. Rejects with EMULATOR_IMPOSSIBLE. */
export function askEmulator(port: string, request: Request): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => reject(new ArmloopError('EMULATOR_IMPOSSIBLE', { reason }));
    const socket = connect(join(dirname(port), NAME));
    const late = setTimeout(() => socket.destroy(new Error('it does not answer')), ANSWER_MS);
    socket.once('error', (error) => {
      clearTimeout(late);
      fail(`no emulator can be steered at ${port}: ${error.message}`);
    });
    const lines = createInterface({ input: socket });
    lines.on('error', () => {});
    lines.once('line', (line) => {
      clearTimeout(late);
      socket.end();
      const { value, error } = JSON.parse(line) as Reply;
      if (error === undefined) resolve(value);
      else fail(error);
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });
}
