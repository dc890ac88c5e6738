import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { EpisodePart } from '../../src/record/episode-writer.ts';
import { float64s, McapFile } from '../../src/record/reader.ts';
import { diagnose } from '../../src/record/repair.ts';
import { rosFieldName } from '../../src/record/schemas.ts';
import { MemorySink } from '../../src/record/sink.ts';
import {
  Fake,
  fakeJpeg,
  memoryLayout,
  pandaSpec,
  scene,
  T0,
  WALL_OFFSET,
  writeFake,
} from '../support/episode.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-writer-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const TICKS = 600;

async function fakeFile(name: string, compression: 'zstd' | 'none'): Promise<string> {
  const sink = new MemorySink();
  const writer = await writeFake(sink, 'ep-1', TICKS, compression);
  writer.event(T0 + 0.5, 'warning', 'mark', 'here');
  writer.finish({ label: 'success', cause: 'placed', overflow: { '/tick': 0 } });
  const path = join(folder, name);
  writeFileSync(path, sink.bytes());
  return path;
}

type Decoded = Record<string, unknown>;
interface Message {
  readonly logTime: bigint;
  readonly publishTime: bigint;
  readonly sequence: number;
  readonly value: Decoded;
}

/** Every message of a topic, decoded by Foxglove's own reader from the definition in the file. */
async function decode(file: McapFile, topic: string): Promise<Message[]> {
  const channel = file.channel(topic);
  assert.ok(channel, `no channel ${topic}`);
  assert.equal(channel.messageEncoding, 'cdr');
  assert.match(channel.metadata.get('offered_qos_profiles') ?? '', /reliability: 1/);
  const schema = file.mcap.schemasById.get(channel.schemaId);
  assert.ok(schema);
  assert.equal(schema.encoding, 'ros2msg');
  const definitions = parse(new TextDecoder().decode(schema.data), { ros2: true });
  const reader = new MessageReader<Decoded>(definitions);
  const messages: Message[] = [];
  for await (const m of file.mcap.readMessages({ topics: [topic], validateCrcs: true })) {
    const { logTime, publishTime, sequence } = m;
    messages.push({ logTime, publishTime, sequence, value: reader.readMessage(m.data) });
    assert.equal(reader.lastReadHadTrailingBytes(), false, `${topic} has bytes left over`);
  }
  return messages;
}

for (const compression of ['zstd', 'none'] as const) {
  test(`every topic decodes by its own definition (${compression})`, async () => {
    const path = await fakeFile(`${compression}.mcap`, compression);
    assert.equal(await diagnose(path, 'deep'), '');
    await using file = await McapFile.open(path);
    assert.equal(file.mcap.header.profile, 'ros2');
    const spec = pandaSpec();
    const fake = new Fake(spec);

    const ticks = await decode(file, '/tick');
    assert.equal(ticks.length, TICKS);
    for (const k of [0, 1, 299, TICKS - 1]) {
      const wanted = fake.tick(k);
      const got = ticks[k]!;
      assert.equal(got.sequence, k);
      assert.equal(got.publishTime, WALL_OFFSET + BigInt(Math.round(fake.time(k) * 1e9)));
      assert.equal(got.logTime, WALL_OFFSET + BigInt(Math.round((fake.time(k) + 0.0002) * 1e9)));
      for (const field of fake.tickLayout.fields) {
        const value = got.value[rosFieldName(field.name)];
        const values = typeof value === 'number' ? [value] : [...(value as Float64Array)];
        assert.deepEqual(values, [...fake.tickLayout.view(wanted, field.name)], field.name);
      }
    }
    const names = await file.metadata(EpisodePart.tickNames);
    assert.equal(names?.get('in_op_client_time'), 'in.op.clientTime');

    const sent = await decode(file, '/sent/sim');
    assert.equal(sent.length, TICKS);
    assert.deepEqual([...(sent[7]!.value['measured_q'] as Float64Array)], Array(8).fill(7.5));
    assert.ok(Number.isNaN(sent[7]!.value['acknowledged']));
    assert.equal(sent[7]!.logTime, WALL_OFFSET + BigInt(Math.round((fake.time(7) + 0.001) * 1e9)));

    const requests = await decode(file, '/request');
    assert.deepEqual(
      requests.map((m) => m.value['seq']),
      [5],
    );

    const joints = await decode(file, '/joint_states');
    assert.equal(joints.length, Math.ceil((TICKS * spec.recording.jointStateHz) / spec.loop.rateHz));
    const js = joints[1]!.value as {
      header: { stamp: Stamp };
      name: string[];
      position: Float64Array;
      effort: Float64Array;
    }; // prettier-ignore
    const k = Math.round(spec.loop.rateHz / spec.recording.jointStateHz);
    assert.deepEqual(js.name.slice(-3), ['joint7', 'finger_joint1', 'finger_joint2']);
    const q = fake.tickLayout.view(fake.tick(k), 'in.q');
    assert.equal(js.position[0], q[0]);
    assert.equal(js.position[7], q[7]! / 2);
    assert.equal(js.effort[8], fake.tickLayout.view(fake.tick(k), 'in.tau')[7]);
    assert.equal(nanoseconds(js.header.stamp), joints[1]!.publishTime);

    const poses = await decode(file, '/scene');
    const first = poses[0]!.value as { transforms: Transform[] };
    assert.deepEqual(
      first.transforms.map((t) => t.child_frame_id),
      ['link0', 'cube'],
    );
    assert.equal(first.transforms[0]!.transform.rotation.w, fake.poses(0)[2 + 7 + 6]);
    assert.equal(first.transforms[1]!.transform.translation.x, fake.poses(0)[2 + 14]);

    const frames = await decode(file, '/camera/wrist/compressed');
    assert.equal(frames.length, Math.ceil(TICKS / 67));
    const image = frames[2]!.value as { format: string; data: Uint8Array; header: { stamp: Stamp } };
    assert.equal(image.format, 'jpeg');
    assert.deepEqual(Buffer.from(image.data), Buffer.from(fakeJpeg(2 * 8 + 1, 3034)));
    assert.equal(nanoseconds(image.header.stamp), frames[2]!.publishTime);

    const events = await decode(file, '/events');
    assert.deepEqual(
      events.map((e) => e.value['msg']),
      ['starts active', 'here'],
    );
  });
}

interface Stamp {
  readonly sec: number;
  readonly nanosec: number;
}
interface Transform {
  readonly child_frame_id: string;
  readonly transform: { readonly translation: { x: number }; readonly rotation: { w: number } };
}
const nanoseconds = (t: Stamp): bigint => BigInt(t.sec) * 1_000_000_000n + BigInt(t.nanosec);

test('metadata and attachments hold what replay and verify need', async () => {
  const path = await fakeFile('facts.mcap', 'zstd');
  await using file = await McapFile.open(path);
  const start = await file.metadata(EpisodePart.start);
  const spec = pandaSpec();
  assert.equal(start?.get('task'), 'put the cube in the bin – now');
  assert.equal(start?.get('operator'), 'Zoë');
  assert.equal(start?.get('robot_sha256'), spec.source.sha256);
  assert.equal(start?.get('wall_offset_ns'), String(WALL_OFFSET));
  assert.equal(start?.get('v8'), process.versions.v8);
  assert.equal(JSON.parse(start?.get('memory_layout') ?? '').size, memoryLayout.size);
  const end = await file.metadata(EpisodePart.end);
  assert.equal(end?.get('label'), 'success');
  assert.equal(end?.get('cause'), 'placed');
  const memory = float64s((await file.attachment(EpisodePart.memory))!);
  assert.deepEqual([...memory], [...new Fake(spec).memory]);
  const physics = float64s((await file.attachment(EpisodePart.physics('sim')))!);
  assert.deepEqual([...physics], [1, 2, Math.PI]);
  const text = new TextDecoder().decode((await file.attachment(EpisodePart.robot))!);
  assert.equal(text, spec.source.text);
  const kept = JSON.parse(new TextDecoder().decode((await file.attachment(EpisodePart.scene))!));
  assert.equal(kept.bodies.length, scene.bodies.length);
});

test('the same input gives the same bytes', async () => {
  const write = async (): Promise<Buffer> => {
    const sink = new MemorySink();
    (await writeFake(sink, 'same', 300)).finish({ label: 'failure', cause: '', overflow: {} });
    return sink.bytes();
  };
  assert.ok((await write()).equals(await write()));
});
