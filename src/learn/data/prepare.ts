/**
 * One episode into the cache: its rows (sample times with features, commands, frame numbers) and, per image input, the
 * frames that rows show, decoded. What is there and sound is used as it is; what is damaged is made anew.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Episode } from '../../episode/episode.ts';
import { EpisodeFiles } from '../../record/files.ts';
import { packPath } from './cache.ts';
import { buildFrames } from './frames-pack.ts';
import { openPack, type Pack, reopenPack } from './pack.ts';
import { buildRows, type RowFacts, rowsDependOn } from './rows-pack.ts';
import type { ResolvedSpec } from './spec.ts';

export interface PrepareTask {
  readonly workspace: string;
  readonly id: string;
  readonly spec: ResolvedSpec;
  readonly cacheDir: string;
}

export interface PreparedEpisode {
  readonly id: string;
  readonly sha256: string;
  readonly rows: Pack<RowFacts>;
  /** Per image input of the spec. Empty when there are no rows. */
  readonly frames: readonly Pack<object>[];
}

/** Rejects with EPISODE_DAMAGED, EPISODE_NO_CAMERA, POLICY_FEATURE. */
export async function prepareEpisode(task: PrepareTask): Promise<PreparedEpisode> {
  const { id, spec, cacheDir } = task;
  const files = new EpisodeFiles(task.workspace);
  const sha256 = await hashFile(files.mcap(id, files.shelfOf(id)));
  const rowsPath = packPath(cacheDir, { kind: 'rows', episode: sha256, rows: rowsDependOn(spec) });
  let episode: Episode | null = null;
  const opened = async (): Promise<Episode> => {
    episode ??= await Episode.open(files, id);
    return episode;
  };
  try {
    const rows = openPack<RowFacts>(rowsPath) ?? (await buildRows(await opened(), spec, rowsPath));
    const frames = spec.images.map(({ camera, width, height }, i) => {
      const { chosen } = rows.facts.frames[i]!;
      return packPath(cacheDir, { kind: 'frames', episode: sha256, camera, width, height, chosen });
    });
    const packs = rows.facts.rows === 0 ? [] : frames.map((path) => openPack<object>(path));
    if (packs.includes(null)) {
      const missing = packs.map((pack) => pack === null);
      await buildFrames(await opened(), spec.images, frames, rows, missing);
    }
    return { id, sha256, rows, frames: packs.map((pack, i) => pack ?? reopenPack<object>(frames[i]!)) };
  } finally {
    await (episode as Episode | null)?.[Symbol.asyncDispose]();
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
