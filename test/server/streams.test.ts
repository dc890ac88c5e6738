import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorLayout } from '../../src/robot/tick.ts';
import { rigSeen, serverOn } from '../support/quiet-server.ts';
import { live, ScriptedRig, spec } from '../support/scripted-rig.ts';
import { floats, TestSocket, until } from '../support/sockets.ts';

test('the live stream greets, carries blocks bit for bit, tells of the rig going and coming', async () => {
  await using rig = await new ScriptedRig().open();
  await using server = await serverOn(rig);
  using socket = await TestSocket.open(`${server.url}/api/live`);
  const hello = await socket.text('hello');
  assert.deepEqual((hello['layout'] as { size: number }).size, live.size);
  const block = Float64Array.from({ length: live.size }, (_, i) => Math.sin(i) * 1e-3);
  block[live.at('tick')] = 2 ** 52 + 1;
  rig.socket!.live(block);
  const got = await until('a live block', () => socket.binaries[0]);
  assert.deepEqual(floats(got), block);

  await rig.close();
  await until('the end is told', () =>
    socket.texts.some((t) => t['type'] === 'rig' && t['connected'] === false),
  );
  using late = await TestSocket.open(`${server.url}/api/live`);
  const kept = await late.text('hello');
  assert.equal((kept['session'] as { connected: boolean }).connected, false);
  const greetings = socket.texts.filter((t) => t['type'] === 'hello').length;
  await rig.open();
  await until('greeted anew', () => socket.texts.filter((t) => t['type'] === 'hello').length > greetings);
});

test('operator: lease granted and refused, input carried with its client, close told to the rig', async () => {
  await using rig = await new ScriptedRig().open();
  await using server = await serverOn(rig);
  using first = await TestSocket.open(`${server.url}/api/operator`);
  using second = await TestSocket.open(`${server.url}/api/operator`);
  rig.answer = (method) => (method === 'lease.take' ? { lease: 7 } : null);
  await rigSeen(server.url);
  first.send({ type: 'take', operator: 'Ada' });
  assert.deepEqual(await first.text('lease'), { type: 'lease', granted: true, lease: 7, reason: '' });
  rig.answer = () => {
    throw new Error('taken');
  };
  second.send({ type: 'take', operator: 'Bob' });
  const refusal = await second.text('lease');
  assert.equal(refusal['granted'], false);
  assert.match(String(refusal['reason']), /taken/);

  const block = Float64Array.from({ length: operatorLayout(spec.axes.length).size }, (_, i) => i / 7);
  first.sendBlock(block);
  const input = await until('operator input', () => rig.inputs[0]);
  assert.deepEqual(input.block, block);
  const takes = rig.asked.filter((a) => a.method === 'lease.take').map((a) => a.params as { client: number });
  assert.equal(input.from.client, takes[0]!.client);
  assert.notEqual(takes[0]!.client, takes[1]!.client);
  rig.socket!.notice(input.from, { type: 'lost', reason: 'silence' });
  assert.equal((await first.text('lost'))['reason'], 'silence');
  assert.ok(!second.texts.some((t) => t['type'] === 'lost'));

  rig.answer = () => null;
  first.socket.close();
  await until('the rig hears of it', () =>
    rig.asked.some(
      (a) => a.method === 'client.gone' && (a.params as { client: number }).client === takes[0]!.client,
    ),
  );
  for (const bad of ['nonsense', '{"type":"take"}', '{"type":"estop"}']) {
    using socket = await TestSocket.open(`${server.url}/api/operator`);
    socket.socket.send(bad);
    assert.equal((await until('hung up', () => socket.closed)).code, 1003, bad);
  }
});

test('a camera client that does not read loses frames; another gets all of them; the rig is not held up', async () => {
  await using rig = await new ScriptedRig().open();
  await using server = await serverOn(rig);
  await rigSeen(server.url);
  using slow = await TestSocket.open(`${server.url}/api/cameras/front`);
  using quick = await TestSocket.open(`${server.url}/api/cameras/front`);
  await until('the camera is wanted', () => rig.socket!.wanted(0));
  assert.ok(!rig.socket!.wanted(1), 'nobody watches the second camera');
  slow.socket.pause();
  const seen: number[] = [];
  quick.onBinary = (data) => seen.push(data.readDoubleLE(0));
  // More than the buffers of both ends of a local connection hold, in frames the size of a VGA picture.
  const frames = 600;
  const jpeg = Buffer.alloc(64 * 1024, 0xff);
  for (let seq = 1; seq <= frames; seq++) {
    rig.socket!.frame(0, seq, seq / 15, jpeg);
    // Each frame is waited for, as the next comes 66 ms later on a rig.
    await until(`frame ${seq}`, () => seen.at(-1) === seq);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: frames }, (_, i) => i + 1),
  );
  slow.socket.resume();
  const last = frames + 1;
  await until('the slow one reads again', () => {
    rig.socket!.frame(0, last, last / 15, jpeg);
    return slow.binaries.length > 0 && slow.binaries.at(-1)!.readDoubleLE(0) === last;
  });
  const got = slow.binaries.map((b) => b.readDoubleLE(0)).filter((seq) => seq <= frames);
  assert.ok(got.length < frames, `${got.length} of ${frames} frames`);
  assert.ok(
    got.every((seq, i) => i === 0 || seq > got[i - 1]!),
    'in order',
  );
  assert.equal(slow.binaries[0]!.readDoubleLE(8), got[0]! / 15);
  await assert.rejects(
    until('no such camera stays open', () => null, 50),
    /in vain/,
  );
  using none = await TestSocket.open(`${server.url}/api/cameras/none`);
  assert.equal((await until('refused', () => none.closed)).code, 1008);
});
