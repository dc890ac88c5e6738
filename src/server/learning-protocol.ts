/** What crosses between the server and a browser about training. Used by src/server and src/console alike. */

/*
 *   GET /api/runs                    RunItem[] newest first
 *   GET /api/runs/:id                RunDetails
 *   GET /api/runs/:id/metrics?from=  Tail of MetricsLine: what was appended to the curves since
 */

/** New lines of a file that grows by lines. */
export interface Tail<T> {
  /** To be given back with the next question. */
  readonly cursor: string;
  /** The lines begin at the start of the file: what was got before is void (a resumed run writes its file anew). */
  readonly fresh: boolean;
  /** There are more lines already. */
  readonly more: boolean;
  /** Lines among these that are no JSON; left out. */
  readonly damaged: number;
  readonly lines: readonly T[];
}

export type RunState = 'running' | 'stopped' | 'finished' | 'failed' | 'killed';

/** One run in the list. Times are ISO 8601, UTC. */
export interface RunItem {
  readonly id: string;
  /** Of the policy that comes out. */
  readonly name: string;
  readonly created: string;
  /** `killed`: its process ended without a word. */
  readonly state: RunState;
  readonly status: RunStatus;
  /** Length in steps. */
  readonly steps: number;
  /** Whether there is a policy already. */
  readonly bundle: boolean;
}

export interface RunStatus {
  /** Why it ended, in words. */
  readonly reason: string;
  readonly step: number;
  /** s of training. */
  readonly elapsed: number;
  readonly loss: number | null;
  /** Loss on the held-out episodes. */
  readonly validation: number | null;
  readonly best: { readonly step: number; readonly error: number } | null;
  readonly updated: string;
}

export interface RunDetails extends RunItem {
  /** As the person wrote it, YAML. */
  readonly recipe: string;
  readonly description: string;
  /** Time budget of the recipe, s; null without one. */
  readonly budget: number | null;
  readonly robots: readonly string[];
  readonly tasks: readonly string[];
  readonly episodes: { readonly train: number; readonly validation: number };
  readonly samples: { readonly train: number; readonly validation: number };
  readonly skipped: readonly { readonly episode: string; readonly reason: string }[];
  readonly dataSha256: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** Means over the steps since the line before. */
export interface TrainLine {
  readonly step: number;
  /** s of training so far. */
  readonly time: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly gradNorm: number;
  readonly lr: number;
  readonly samplesPerS: number;
  readonly waitedMs: number;
}

/** A look at the held-out episodes. */
export interface ValidationLine {
  readonly step: number;
  readonly time: number;
  readonly validation: {
    readonly loss: number;
    readonly metrics: Readonly<Record<string, number>>;
    /** Mean absolute error of the actions by unit. */
    readonly error: Readonly<Record<string, number>>;
    readonly samples: number;
  };
}

export type MetricsLine = TrainLine | ValidationLine;
