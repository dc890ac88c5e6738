/** Writes a copy of an MCAP file with some messages changed or left out, everything else sound: CRCs and indexes too. */
import { McapWriter } from '../../src/record/mcap-writer.ts';
import { type RawMessage, scan, walkChunk } from '../../src/record/scan.ts';
import { FileSink } from '../../src/record/sink.ts';
import { decompressHandlers } from '../../src/record/zstd.ts';

/** `edit` may change the data in place; `drop` leaves the message out. `meta` replaces entries of a metadata record. */
export async function editMcap(
  from: string,
  to: string,
  edit: (topic: string, message: RawMessage) => 'keep' | 'drop',
  meta: (name: string) => Readonly<Record<string, string>> = () => ({}),
): Promise<void> {
  const sink = new FileSink(to);
  const writer = await McapWriter.open(sink, { profile: 'ros2', library: 'edited', compression: 'zstd' });
  const topics = new Map<number, string>();
  for (const item of scan(from, await decompressHandlers())) {
    if (item.type === 'metadata') {
      const { name, metadata } = item.metadata;
      writer.metadata(name, { ...Object.fromEntries(metadata), ...meta(name) });
    } else if (item.type === 'attachment') writer.attachment(item.attachment);
    else if (item.type === 'chunk') {
      walkChunk(item.content, {
        schema: ({ id, ...schema }) => void writer.schema(schema, id),
        channel: ({ id, ...channel }) => {
          topics.set(id, channel.topic);
          writer.channel(channel, id);
        },
        message: (m) => {
          const copy = { ...m, data: m.data.slice() };
          if (edit(topics.get(m.channelId)!, copy) === 'drop') return;
          writer.message(copy.channelId, copy.logTime, copy.publishTime, copy.data, copy.sequence);
        },
      });
      writer.closeChunk();
    }
  }
  writer.end();
  sink.close();
}
