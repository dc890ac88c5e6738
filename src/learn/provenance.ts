/** What the bits of a training come from beside its recipe: the machine, and the files of its episodes. */
import { cpus } from 'node:os';
import { env } from 'onnxruntime-node';
import type { Catalogue } from '../episode/catalogue.ts';
import { EpisodePart } from '../record/episode-writer.ts';
import { parseSpec } from '../record/facts.ts';
import { McapFile } from '../record/reader.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { packageVersion } from '../root.ts';

export function trainingVersions(): Record<string, string> {
  return {
    armloop: packageVersion(),
    node: process.versions.node,
    onnxruntime: env.versions.node ?? 'unknown',
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
  };
}

/** What an episode was recorded with, as the episode tells it. Texts are SHA-256 hashes. */
export interface RecordedWith {
  /** Null when its description of the robot is damaged. */
  readonly spec: RobotSpec | null;
  readonly robot: string;
  readonly model: string;
  readonly calibration: string;
}

/** Throws EPISODE_UNKNOWN; rejects when the file cannot be read. */
export async function recordedWith(catalogue: Catalogue, id: string): Promise<RecordedWith> {
  await using file = await McapFile.open(catalogue.files.mcap(id, catalogue.files.shelfOf(id)));
  const start = await file.metadata(EpisodePart.start);
  const hash = (of: string): string => start?.get(`${of}_sha256`) ?? 'unknown';
  const spec = parseSpec(await file.attachment(EpisodePart.spec));
  return { spec, robot: hash('robot'), model: hash('model'), calibration: hash('calibration') };
}
