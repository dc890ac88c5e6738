/** The rig of an episode, built again from what the episode itself holds. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { robotFromText } from '../config.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { Episode } from './episode.ts';

export interface Rebuilt extends Disposable {
  readonly spec: RobotSpec;
}

/**
 * Resolves the robot file kept in the episode, with the task that really ran. The kinematic model is the file that it
 * names while that still reads as it did, else the copy in the episode, written to a temporary folder until disposal.
 * Throws CONFIG_* errors.
 */
export function rebuildSpec(episode: Episode): Rebuilt {
  const recorded = episode.spec;
  const resolved = robotFromText(episode.robotText, recorded.source.file);
  const spec = { ...resolved, sim: recorded.sim };
  const { file } = spec.model;
  if (episode.modelText === '' || (existsSync(file) && readFileSync(file, 'utf8') === episode.modelText)) {
    return { spec, [Symbol.dispose]: () => {} };
  }
  const folder = mkdtempSync(join(tmpdir(), 'armloop-model-'));
  const copy = join(folder, basename(file));
  writeFileSync(copy, episode.modelText);
  return {
    spec: { ...spec, model: { ...spec.model, file: copy } },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
