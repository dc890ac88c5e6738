/**
 * An input whose hardware is a test: the real driver on HID ports that a line-based Unix socket steers. Lines: `plug`,
 * `unplug`, `report BYTES`. A robot file names this module as the kind of its input.
 */
import { createServer } from 'node:net';
import { inputOn } from '../../drivers/hid/index.ts';
import type { InputFactory } from '../../src/robot/input.ts';
import { BytePorts, COMPACT } from './hid-bytes.ts';

export const createInput: InputFactory = (context) => {
  const { socket, ...options } = context.entry.options;
  const ports = new BytePorts();
  const input = inputOn(ports, 'spacemouse', { ...context, entry: { ...context.entry, options } });
  const server = createServer((client) => {
    let rest = '';
    client.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === 'plug') ports.devices = [COMPACT];
        else if (line === 'unplug') ports.unplug();
        else ports.report(line.replace('report ', ''));
      }
    });
    client.on('error', () => {});
  });
  server.listen(String(socket));
  const dispose = input[Symbol.asyncDispose].bind(input);
  input[Symbol.asyncDispose] = async () => {
    server.close();
    await dispose();
  };
  return input;
};
