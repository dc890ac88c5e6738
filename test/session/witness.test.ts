import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Source } from '../../src/robot/tick.ts';
import type { CellFrame, Driver, EpisodeScene } from '../../src/session/driver.ts';
import { BorrowedEyes, Witness } from '../../src/session/witness.ts';

/** Drives nothing and keeps what it is shown. */
class Onlooker implements Driver {
  readonly source = Source.script;
  readonly name = 'onlooker';
  readonly producers = [];
  readonly finished = false;
  readonly notes = { drawn: 1 };
  readonly seen: CellFrame[] = [];
  async begin(): Promise<void> {}
  request(): boolean {
    return false;
  }
  frame(frame: CellFrame): void {
    this.seen.push(frame);
  }
}

const scene = (time: number): EpisodeScene =>
  ({
    time,
    bodies: ['world', 'hand', 'cube'],
    poses: Float64Array.of(0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 0, 0, 0, 1, 0.5, -0.1, 0.02, 0, 0, 0, 1),
  }) as unknown as EpisodeScene;

const shot = (name: string, time: number, mark: number): CellFrame => ({
  camera: name === 'front' ? 0 : 1,
  name,
  time,
  jpeg: Uint8Array.of(mark),
});

describe('witness', () => {
  it('notes where things stood, without the robot, and what the cameras gave', async () => {
    const inner = new Onlooker();
    const witness = new Witness(inner, new Set(['world', 'hand']));
    await witness.begin(scene(10));
    assert.deepEqual(witness.start, { cube: [0.5, -0.1] });
    witness.frame(shot('front', 10.1, 7));
    assert.equal(inner.seen[0]!.time, 10.1);
    assert.ok(Math.abs(witness.frames.get('front')![0]!.time - 0.1) < 1e-9);
    assert.deepEqual(
      [witness.name, witness.source, witness.notes],
      ['onlooker', Source.script, { drawn: 1 }],
    );
  });
});

describe('borrowed eyes', () => {
  it('give the other episode’s picture of that moment, with the frame’s own time and camera', async () => {
    const log = new Map([['front', [shot('front', 0.1, 1), shot('front', 0.2, 2), shot('front', 0.3, 3)]]]);
    const inner = new Onlooker();
    const eyes = new BorrowedEyes(inner, log);
    await eyes.begin(scene(5));
    const times = [5.0, 5.1, 5.25, 9];
    for (const time of times) eyes.frame(shot('front', time, 99));
    assert.deepEqual(
      inner.seen.map((f) => f.jpeg[0]),
      [1, 1, 2, 3],
      'before its first: the first; after its end: the last',
    );
    assert.deepEqual(
      inner.seen.map((f) => f.time),
      times,
    );
  });

  it('never let the scene’s own picture through', async () => {
    const inner = new Onlooker();
    const eyes = new BorrowedEyes(inner, new Map([['front', [shot('front', 0, 1)]]]));
    await eyes.begin(scene(5));
    eyes.frame(shot('wrist', 5.1, 99));
    assert.deepEqual(inner.seen, []);
  });
});
