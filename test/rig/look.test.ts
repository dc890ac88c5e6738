/** @alone @limit 120 A rig whose scenes vary: consoles, cameras and episodes take the look of each new scene. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { Episode } from '../../src/episode/episode.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { Mode } from '../../src/robot/tick.ts';
import { Client, up, workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';

interface Scene {
  readonly variation?: Record<string, number>;
}

/** Mean of each colour of a JPEG. */
async function colour(jpeg: Uint8Array): Promise<number[]> {
  return (await sharp(jpeg).stats()).channels.map((c) => c.mean);
}

test('a new scene has a new look, everywhere', async () => {
  using folder = workspace();
  const sim = { task: 'pick-cube', seed: 1, timestep: 0.001, vary: 'appearance' };
  const robot = testRobot(folder.path, { sim });
  await using rig = await up(folder.path, robot);
  await using client = await Client.open(rig.url);
  await client.until('holding', () => client.value('mode') === Mode.holding);
  const scenes = (): Scene[] =>
    client.live.texts.flatMap((t) => (t['type'] === 'hello' ? [t['scene'] as Scene] : []));
  assert.ok(Number.isFinite(scenes()[0]!.variation!['light.azimuth']));
  await client.take();

  const recorded: { variation: Record<string, number>; mean: number[] }[] = [];
  for (const seed of [7, 8, 7]) {
    const before = scenes().length;
    await client.ask('/api/scene/reset', { seed });
    await client.until('the console is told', () => scenes().length > before);
    const { episode } = await client.ask('/api/recording/start', {});
    const start = client.value('time');
    await client.until('some frames', () => client.value('time') > start + 0.6);
    await client.ask('/api/recording/stop');
    await client.ask('/api/recording/label', { label: 'unlabelled' });
    await using read = await Episode.open(new EpisodeFiles(folder.path), String(episode));
    const { variation } = read.scene as Scene;
    assert.deepEqual(variation, scenes().at(-1)!.variation, 'the episode keeps the look that was told');
    const frame = await read.frameAt('front', Number.MAX_SAFE_INTEGER / 1e9);
    recorded.push({ variation: variation!, mean: await colour(frame!.jpeg) });
  }
  const [a, b, again] = recorded;
  assert.notDeepEqual(a!.variation, b!.variation);
  assert.deepEqual(again!.variation, a!.variation, 'the same seed, the same look');
  const apart = (x: number[], y: number[]): number => Math.max(...x.map((v, i) => Math.abs(v - y[i]!)));
  assert.ok(apart(a!.mean, b!.mean) > 5, `${a!.mean} and ${b!.mean}`);
  assert.ok(apart(a!.mean, again!.mean) < 1, `${a!.mean} and ${again!.mean}`);
});
