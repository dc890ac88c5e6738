/** @alone @limit 120 A SpaceMouse at the rig, its reports as bytes: the rig is driven, recorded and stopped by it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ControllerId, Mode, Source } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import { Client, Command, up, workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';

const REST = '01 00 00 00 00 00 00';
/** Pulled back towards the person, so that the tool goes back to the base; and pushed away. */
const BACK = '01 00 00 5E 01 00 00';
const FORWARD = '01 00 00 A2 FE 00 00';

/** The hand of a person: sends reports all the time, as a SpaceMouse that is pressed does. */
class Hand implements Disposable {
  readonly #socket: Socket;
  #report: string | null = null;
  readonly #timer: NodeJS.Timeout;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#timer = setInterval(() => {
      if (this.#report !== null) this.say(`report ${this.#report}`);
    }, 16);
  }

  static async open(path: string): Promise<Hand> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new Hand(socket);
  }

  say(line: string): void {
    this.#socket.write(`${line}\n`);
  }

  press(report: string): void {
    this.#report = report;
  }

  /** The radio breaks off: nothing is heard, not even that it was let go. */
  silence(): void {
    this.#report = null;
  }

  letGo(): void {
    this.silence();
    this.say(`report ${REST}`);
  }

  click(button: number): void {
    this.say(`report 03 ${(1 << button).toString(16).padStart(2, '0')}`);
    setTimeout(() => this.say('report 03 00'), 100);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }
}

interface Told {
  readonly time: number;
  readonly text: string;
}
const lease = (client: Client): string | null =>
  (client.session['lease'] as { operator: string } | null)?.operator ?? null;
const told = (client: Client, pattern: RegExp): Told | undefined =>
  (client.session['events'] as Told[]).findLast((e) => pattern.test(e.text));
const speed = (client: Client): number =>
  Math.max(...Array.from({ length: 7 }, (_, i) => Math.abs(client.value('qd', i))));

test('a SpaceMouse drives the rig that it is plugged into', async (t) => {
  using folder = workspace();
  const socket = join(folder.path, 'hand');
  const robot = testRobot(folder.path, {
    input: {
      kind: join(packageRoot(), 'dist', 'test', 'support', 'hid-source.js'),
      name: 'mouse',
      options: { socket, close: -1, open: -1 },
      buttons: [
        { button: 0, does: 'record' },
        { button: 1, does: 'success' },
      ],
    },
  });
  await using rig = await up(folder.path, robot);
  await using client = await Client.open(rig.url);
  using hand = await Hand.open(socket);
  const rest = (): boolean => speed(client) < 1e-3;

  await t.test(
    'it is found, takes control when it is pressed, and the tool goes where it is pushed',
    async () => {
      await client.until(
        'told',
        () => told(client, /The input mouse is not there: no spacemouse/) !== undefined,
      );
      hand.say('plug');
      await client.until('found', () => told(client, /mouse is there: SpaceMouse Compact/) !== undefined);
      assert.equal(lease(client), null);
      hand.press(BACK);
      const from = client.value('tool');
      await client.until('the tool goes back', () => client.value('tool') < from - 0.03);
      assert.equal(client.value('controller'), ControllerId.twist);
      assert.equal(client.value('source'), Source.human);
      assert.equal(lease(client), 'mouse');
      hand.letGo();
      await client.until('at rest', rest);
    },
  );

  await t.test('while it has control nobody else gets it; let go, it gives control back', async () => {
    await using other = await Client.open(rig.url);
    await assert.rejects(other.take('Bob'), /mouse has control/);
    await client.until('given back', () => lease(client) === null && client.value('mode') === Mode.holding);
  });

  await t.test('while somebody else has control it moves nothing and says who has it', async () => {
    await client.take('Ada');
    hand.press(FORWARD);
    await client.until('told', () => told(client, /mouse does not drive: .*Ada has control/) !== undefined);
    assert.equal(client.value('mode'), Mode.holding);
    hand.letGo();
    client.silence();
    client.operator.send({ type: 'release' });
    await client.until('nobody has control', () => lease(client) === null);
  });

  await t.test('its buttons record and label', async () => {
    hand.click(0);
    await client.until('recording', () => client.value('recording') > 0);
    hand.press(FORWARD);
    const from = client.value('tool');
    await client.until('the tool goes forward', () => client.value('tool') > from + 0.02);
    hand.letGo();
    await client.until('at rest', rest);
    hand.click(1);
    await client.until('labelled', () => told(client, /^Saved .* as success/) !== undefined);
  });

  await t.test('silent while it is pressed, it counts as let go: the arm comes to rest', async () => {
    hand.press(BACK);
    await client.until('moving', () => speed(client) > 0.05);
    hand.silence();
    await client.until('at rest', rest);
    await client.until('given back', () => lease(client) === null);
  });

  await t.test('pulled out in motion, it leaves an arm that holds', async () => {
    const start = client.value('tool');
    hand.press(BACK);
    await client.until('at speed', () => client.value('tool') < start - 0.04);
    const from = client.value('tool');
    hand.say('unplug');
    let at = Number.NaN;
    await client.until('at rest', () => {
      at = client.value('time');
      return told(client, /it was unplugged/) !== undefined && rest();
    });
    const { time, text } = told(client, /it was unplugged/)!;
    assert.match(text, /The arm holds/);
    // By the rig's own stamps: braking from 0.25 m/s takes 0.3 s; live blocks come 60 times a second.
    assert.ok(at - time < 0.8, `at rest ${at - time} s after it was pulled out`);
    assert.ok(from - client.value('tool') < 0.15, 'and not far from there');
    await client.until('holding', () => client.value('mode') === Mode.holding && lease(client) === null);
    assert.equal(client.value('fault'), 0, 'nothing to clear');
  });
});

test('an input of a kind that there is not ends the start with words and nothing left running', async () => {
  using folder = workspace();
  const robot = testRobot(folder.path, { input: { kind: 'joypad' } });
  const command = new Command(['rig', robot, '--workspace', folder.path]);
  const { code } = await command.ended;
  assert.notEqual(code, 0);
  assert.match(command.output, /input\.kind names the kind joypad, which is neither built in/);
});
