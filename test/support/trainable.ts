/** Workspaces with a few small episodes to learn from, and a recipe that takes a second. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EpisodeFiles } from '../../src/record/files.ts';
import { writeDataEpisode } from './data-episode.ts';

/** A folder with the workspaces of a test file, gone with `remove`. */
export class Trainable {
  readonly folder = mkdtempSync(join(tmpdir(), 'armloop-train-'));
  readonly recipe = join(this.folder, 'recipe.yaml');
  readonly #first = join(this.folder, 'first');
  #copies = 0;

  /** Three episodes with pictures of 40 × 30. */
  static async make(recipe: string): Promise<Trainable> {
    const made = new Trainable();
    const files = new EpisodeFiles(made.#first);
    files.makeFolders();
    for (const [i, id] of ['ep-a', 'ep-b', 'ep-c'].entries())
      await writeDataEpisode(files, id, { seed: 20 + i, seconds: 3 });
    writeFileSync(made.recipe, recipe);
    return made;
  }

  /** A workspace of its own with the same episodes. */
  workspace(): string {
    const path = join(this.folder, `ws${this.#copies++}`);
    cpSync(this.#first, path, { recursive: true });
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Pictures, augmentation, dropout, weight decay and an average: whatever could differ after a resume is in it. */
export const recipeText = (training: string): string => `
name: tiny
data: { validation: 0.4 }
observation:
  rateHz: 20
  steps: 2
  states: [{ name: arm, features: [{ field: in.q }, { field: out.tool, encode: pose9 }] }]
  images: [{ name: front, camera: front, width: 12, height: 12 }]
action: { horizon: 6 }
model:
  encoder: { image: { patch: 4, channels: [8, 8], groups: 4, keypoints: 4 } }
  head: { kind: regression, widths: [64, 64], dropout: 0.2 }
optimiser: { warmupSteps: 5, weightDecay: 0.01 }
augmentation: { shift: 2, brightness: 0.2, noise: 4, stateNoise: 0.01 }
training: { batch: 16, threads: 1, seed: 4, logEvery: 5, ${training} }
`;
