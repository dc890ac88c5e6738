/** What the bits of a training come from beside its recipe: the machine, and the files of its episodes. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { cpus } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { env } from 'onnxruntime-node';
import type { Catalogue } from '../episode/catalogue.ts';
import { EpisodePart } from '../record/episode-writer.ts';
import { McapFile } from '../record/reader.ts';
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

/** SHA-256 hashes of what an episode was recorded with, as the episode tells them, and of its file. */
export interface EpisodeHashes {
  readonly file: string;
  readonly robot: string;
  readonly model: string;
  readonly calibration: string;
}

/** Throws EPISODE_UNKNOWN; rejects when the file cannot be read. */
export async function episodeHashes(catalogue: Catalogue, id: string): Promise<EpisodeHashes> {
  const path = catalogue.files.mcap(id, catalogue.files.shelfOf(id));
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  await using file = await McapFile.open(path);
  const start = await file.metadata(EpisodePart.start);
  return {
    file: hash.digest('hex'),
    robot: start?.get('robot_sha256') ?? 'unknown',
    model: start?.get('model_sha256') ?? 'unknown',
    calibration: start?.get('calibration_sha256') ?? 'unknown',
  };
}
