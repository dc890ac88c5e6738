/** An MCAP file read by two independent readers: the Python `mcap` package and Foxglove's, which must agree. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { McapFile } from '../../src/record/reader.ts';
import { packageRoot } from '../../src/root.ts';

export interface Found {
  readonly profile: string;
  readonly topics: Readonly<
    Record<string, { schema: string; encoding: string; count: number; digest: string }>
  >;
  readonly metadata: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly attachments: Readonly<Record<string, number>>;
  readonly messages: number;
}

async function readWithPython(python: string, path: string): Promise<Found> {
  const script = join(packageRoot(), 'test', 'interop', 'read_mcap.py');
  const { stdout } = await promisify(execFile)(python, [script, path], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout) as Found;
}

function flatten(node: unknown, out: Buffer[]): void {
  if (typeof node === 'number' || typeof node === 'boolean') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(Number(node));
    out.push(bytes);
  } else if (typeof node === 'string') out.push(Buffer.from(node));
  else if (node instanceof Uint8Array) out.push(Buffer.from(node));
  else for (const value of Object.values(node as object)) flatten(value, out);
}

const digestOf = (messages: Buffer[]): string =>
  createHash('sha256')
    .update(Buffer.concat(messages.sort(Buffer.compare)))
    .digest('hex');

/** The same digests as read_mcap.py makes, by Foxglove's decoder. */
async function digests(path: string): Promise<Record<string, { count: number; digest: string }>> {
  await using file = await McapFile.open(path);
  const found: Record<string, { count: number; digest: string }> = {};
  for (const channel of file.mcap.channelsById.values()) {
    const schema = file.mcap.schemasById.get(channel.schemaId)!;
    const reader = new MessageReader(parse(new TextDecoder().decode(schema.data), { ros2: true }));
    const messages: Buffer[] = [];
    let count = 0;
    for await (const m of file.mcap.readMessages({ topics: [channel.topic], validateCrcs: true })) {
      const times = Buffer.alloc(16);
      times.writeBigUInt64LE(m.logTime, 0);
      times.writeBigUInt64LE(m.publishTime, 8);
      const out = [times];
      flatten(reader.readMessage(m.data), out);
      messages.push(createHash('sha256').update(Buffer.concat(out)).digest());
      count++;
    }
    if (count > 0) found[channel.topic] = { count, digest: digestOf(messages) };
  }
  return found;
}

/** Asserts that the Python `mcap` package and Foxglove's strict reader find the same values in every topic. */
export async function comparePeers(python: string, path: string): Promise<Found> {
  const theirs = await readWithPython(python, path);
  const counts = Object.fromEntries(
    Object.entries(theirs.topics).map(([t, { count, digest }]) => [t, { count, digest }]),
  );
  assert.deepEqual(counts, await digests(path));
  assert.equal(theirs.profile, 'ros2');
  assert.equal(
    theirs.messages,
    Object.values(counts).reduce((sum, t) => sum + t.count, 0),
  );
  return theirs;
}
