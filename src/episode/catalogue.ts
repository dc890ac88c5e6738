/**
 * The episodes of a workspace. Answers come from the sidecars, which are made again from the MCAP when they are
 * missing or older than it. A label given after the file was closed lives in the sidecar, with its history; the MCAP
 * keeps the label of the recording.
 */
import { statSync } from 'node:fs';
import { ArmloopError } from '../errors.ts';
import { EpisodePart } from '../record/episode-writer.ts';
import { bareSummary, EpisodeMeasure, labelFacts, parseSpec, startFacts } from '../record/facts.ts';
import { EpisodeFiles, type Shelf } from '../record/files.ts';
import type { Quality } from '../record/quality.ts';
import { McapFile } from '../record/reader.ts';
import { readSidecar, type Sidecar, writeSidecar } from '../record/sidecar.ts';
import type { EpisodeLabel, EpisodeSummary } from '../server/protocol.ts';

export interface EpisodeFilter {
  readonly shelf?: Shelf;
  readonly label?: EpisodeLabel;
  /** Part of the task text, case ignored. */
  readonly task?: string;
  readonly rig?: string;
  readonly operator?: string;
  /** true: only episodes that passed the quality gate. */
  readonly clean?: boolean;
}

export const NOT_CLOSED =
  'the file was not closed: the next start of the rig, or `armloop episodes repair`, mends it';

export class Catalogue {
  readonly files: EpisodeFiles;

  constructor(workspace: string) {
    this.files = new EpisodeFiles(workspace);
  }

  /** Newest first. Episodes that are being recorded are left out. */
  async list(
    filter: EpisodeFilter = {},
    progress?: (done: number, of: number) => void,
  ): Promise<EpisodeSummary[]> {
    const shelf = filter.shelf ?? 'episodes';
    const ids = this.files.ids(shelf);
    const found: EpisodeSummary[] = [];
    for (const [i, id] of ids.entries()) {
      progress?.(i, ids.length);
      if (shelf === 'episodes' && this.files.isLocked(id)) continue;
      const { summary } = await this.#sidecar(id, shelf);
      if (matches(summary, filter)) found.push(summary);
    }
    progress?.(ids.length, ids.length);
    return found.sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1));
  }

  /** From either shelf. Throws EPISODE_UNKNOWN, EPISODE_BAD_ID. */
  async get(id: string): Promise<EpisodeSummary> {
    return (await this.details(id)).summary;
  }

  async details(id: string): Promise<Sidecar> {
    return this.#sidecar(id, this.files.shelfOf(id));
  }

  /** Changes the label of a closed episode. Throws EPISODE_UNKNOWN, EPISODE_BUSY, EPISODE_DAMAGED. */
  async relabel(
    id: string,
    label: EpisodeLabel,
    cause: string,
    at = Date.now() / 1000,
  ): Promise<EpisodeSummary> {
    const shelf = this.files.shelfOf(id);
    if (this.files.isLocked(id)) throw new ArmloopError('EPISODE_BUSY', { id });
    const old = await this.#sidecar(id, shelf);
    if (old.summary.flags.includes(NOT_CLOSED))
      throw new ArmloopError('EPISODE_DAMAGED', { id, reason: NOT_CLOSED });
    const summary = { ...old.summary, label, cause };
    writeSidecar(this.files.sidecar(id, shelf), {
      ...old,
      summary,
      relabels: [...old.relabels, { label, cause, at }],
    });
    return summary;
  }

  /** Moves it to the trash. Throws EPISODE_UNKNOWN, EPISODE_EXISTS, EPISODE_BUSY. */
  async trash(id: string): Promise<EpisodeSummary> {
    this.files.move(id, 'episodes', 'trash');
    return (await this.#sidecar(id, 'trash')).summary;
  }

  /** Brings it back. Throws EPISODE_UNKNOWN, EPISODE_EXISTS. */
  async restore(id: string): Promise<EpisodeSummary> {
    this.files.move(id, 'trash', 'episodes');
    return (await this.#sidecar(id, 'episodes')).summary;
  }

  /** The sidecar as it stands or made anew, with what only the file system knows filled in. */
  async #sidecar(id: string, shelf: Shelf): Promise<Sidecar> {
    const path = this.files.mcap(id, shelf);
    const kept = readSidecar(this.files.sidecar(id, shelf));
    const { size: bytes, mtimeMs } = statSync(path);
    let sidecar = kept;
    if (kept === null || mtimeMs > sidecarTime(this.files.sidecar(id, shelf))) {
      const made = await remake(path, id);
      if (made === null) sidecar = { ...unclosed(id, mtimeMs / 1000), relabels: kept?.relabels ?? [] };
      else {
        sidecar = applyRelabels({ ...made, relabels: kept?.relabels ?? [] });
        writeSidecar(this.files.sidecar(id, shelf), sidecar);
      }
    }
    const { summary, quality, relabels } = sidecar!;
    return { summary: { ...summary, bytes, trashed: shelf === 'trash' }, quality, relabels };
  }
}

function sidecarTime(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function applyRelabels(sidecar: Sidecar): Sidecar {
  const last = sidecar.relabels.at(-1);
  if (last === undefined) return sidecar;
  return { ...sidecar, summary: { ...sidecar.summary, label: last.label, cause: last.cause } };
}

/** Summary and quality from the file itself; null when it has no footer. */
async function remake(path: string, id: string): Promise<Omit<Sidecar, 'relabels'> | null> {
  let file: McapFile;
  try {
    file = await McapFile.open(path);
  } catch {
    return null;
  }
  await using open = file;
  const end = await open.metadata(EpisodePart.end);
  try {
    const summary = JSON.parse(end?.get('summary') ?? '') as EpisodeSummary;
    const quality = JSON.parse(end?.get('quality') ?? '') as Quality;
    return { summary: { ...summary, id }, quality };
  } catch {
    // Not written by this version, or not by armloop: measure it.
  }
  const entries = await open.metadata(EpisodePart.start);
  const start = startFacts(id, entries);
  const facts = { ...labelFacts(end), repaired: end?.get('repaired') === 'true' };
  const named = start ?? { id, task: '', operator: '', seed: 0 };
  const spec = parseSpec(await open.attachment(EpisodePart.spec));
  if (spec === null) return bareSummary(named, facts);
  const measure = new EpisodeMeasure(spec, start?.wallOffsetNs ?? null);
  for await (const content of open.chunks()) measure.chunk(content);
  return measure.result(named, facts, {});
}

function unclosed(id: string, startedAt: number): Omit<Sidecar, 'relabels'> {
  const start = { id, task: '', operator: '', seed: 0 };
  const { summary, quality } = bareSummary(start, { label: 'unlabelled', cause: '', repaired: false });
  return {
    summary: { ...summary, startedAt, flags: [NOT_CLOSED] },
    quality: { ...quality, flags: [NOT_CLOSED] },
  };
}

function matches(summary: EpisodeSummary, filter: EpisodeFilter): boolean {
  if (filter.label !== undefined && summary.label !== filter.label) return false;
  if (filter.rig !== undefined && summary.rig !== filter.rig) return false;
  if (filter.operator !== undefined && summary.operator !== filter.operator) return false;
  if (filter.clean === true && summary.flags.length > 0) return false;
  return filter.task === undefined || summary.task.toLowerCase().includes(filter.task.toLowerCase());
}
