/**
 * What crosses between the server and a browser about collecting, training and evaluating. Used by src/server and
 * src/console alike. Dates are ISO 8601, UTC; numbers that are not known are null.
 */
import type { PolicyManifest } from '../policy/manifest.ts';
import type { Result } from '../session/evaluation.ts';

/*
 *   GET /api/runs                    RunItem[] newest first
 *   GET /api/runs/:id                RunDetails
 *   GET /api/runs/:id/metrics?from=  Tail of MetricsLine: what was appended to the curves since
 *   GET /api/collections             CollectionItem[] newest first
 *   GET /api/collections/:id         CollectionDetails
 *   GET /api/collections/:id/ledger?from=  Tail of CollectionLine
 *   GET /api/collections/:id/report  text/html, sandboxed
 *   GET /api/policies/:name           PolicyDetails; the list is in protocol.ts
 *   GET /api/evaluations             EvaluationItem[] newest first
 *   GET /api/evaluations/:id         EvaluationItem
 *   GET /api/evaluations/:id/report  text/html, sandboxed
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

/** One run in the list. */
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

/** What a run writes of itself. */
export interface RunStatus {
  /** `running` of a run that nobody holds: it was killed. */
  readonly state: Exclude<RunState, 'killed'>;
  /** Why it ended, in words. */
  readonly reason: string;
  readonly step: number;
  /** s of training. */
  readonly elapsed: number;
  /** Of the newest line of metrics; null before the first. */
  readonly loss: number | null;
  /** Loss on the held-out episodes. */
  readonly validation: number | null;
  readonly best: { readonly step: number; readonly error: number } | null;
  /** ISO 8601, UTC. */
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

/** Means over the steps since the last such line. */
export interface TrainLine {
  /** Optimiser steps done. */
  readonly step: number;
  /** s of training so far. */
  readonly time: number;
  readonly loss: number;
  /** What the head measures beside its loss, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: number;
  readonly lr: number;
  readonly samplesPerS: number;
  /** Time a step waited for its batch, ms. */
  readonly waitedMs: number;
}

/** How the averaged weights do on the held-out episodes. */
export interface Validation {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Mean absolute error of the actions by unit: `rad`, `m`, `1` (columns of rotation matrices). */
  readonly error: Readonly<Record<string, number>>;
  /** Samples it was measured on. */
  readonly samples: number;
}

/** A look at the held-out episodes. */
export interface ValidationLine {
  readonly step: number;
  readonly time: number;
  readonly validation: Validation;
}

/** A line of metrics.jsonl, which travels to the page as it stands in the file. */
export type MetricsLine = TrainLine | ValidationLine;

/** `killed`: its process ended without a word. */
export type WorkState = 'running' | 'stopped' | 'done' | 'killed';

/** One autonomous session in the list. */
export interface CollectionItem {
  readonly id: string;
  readonly created: string;
  readonly task: string;
  readonly taskText: string;
  /** Who drives, in words. */
  readonly driver: string;
  readonly state: WorkState;
  /** Why it stopped, in words; '' while it runs. */
  readonly why: string;
  /** Episodes that are wanted, and how many of them have come to their end. */
  readonly wanted: number;
  readonly ended: number;
  readonly attempts: number;
  readonly successes: number;
  readonly rate: number | null;
  /** Wilson, 95 %. */
  readonly interval: { readonly low: number; readonly high: number };
}

/** What is used up of something, and its limit; null without one. */
export interface Budget {
  readonly used: number;
  readonly limit: number | null;
}

export interface CollectionDetails extends CollectionItem {
  readonly robot: string;
  readonly vary: string;
  readonly cameras: readonly string[];
  readonly seed: number;
  readonly retries: number;
  readonly failures: 'keep' | 'trash';
  readonly running: readonly { readonly episode: string; readonly seed: number; readonly attempt: number }[];
  readonly budgets: {
    /** h of motion. */
    readonly hours: Budget;
    readonly diskBytes: Budget;
    readonly guardStops: Budget;
    readonly failuresInRow: Budget;
    /** rad. */
    readonly jointTravel: Budget;
    readonly gripperCycles: Budget;
  };
  readonly versions: Readonly<Record<string, string>>;
}

/** A finished attempt, as in the ledger. */
export interface AttemptLine {
  readonly fact: 'finished';
  readonly at: string;
  readonly slot: number;
  readonly attempt: number;
  readonly seed: number;
  readonly episode: string;
  readonly success: boolean;
  readonly reason: string;
  readonly fault: readonly string[];
  /** s; null without success. */
  readonly timeToSuccess: number | null;
  /** s. */
  readonly seconds: number;
  readonly variation: Readonly<Record<string, number>>;
  readonly flags: readonly string[];
  readonly kept: boolean;
}

export type CollectionLine =
  | AttemptLine
  | { readonly fact: 'session' | 'started' | 'lost' | 'stopped'; readonly at: string };

/** One evaluation, with what its ledger says so far. */
export interface EvaluationItem {
  readonly id: string;
  readonly started: string;
  readonly finished: string | null;
  readonly state: WorkState;
  readonly task: string;
  readonly taskText: string;
  readonly robot: string;
  readonly contestants: readonly {
    readonly side: 'A' | 'B';
    readonly name: string;
    /** SHA-256 of the bundle; '' for the teacher. */
    readonly sha256: string;
    readonly latencyMs: number;
  }[];
  /** Episodes of all sides together. */
  readonly wanted: number;
  readonly ended: number;
  readonly seeds: string;
  readonly vary: string;
  /** `other`: every policy was shown the pictures of another seed's episode. */
  readonly images: 'own' | 'other';
  readonly goal: number | null;
  readonly results: readonly Result[];
  /** What A against B says; null for one side. */
  readonly verdict: string | null;
  readonly versions: Readonly<Record<string, string>>;
}

/** A policy with its whole contract. */
export interface PolicyDetails {
  readonly name: string;
  /** Of its policy.json. */
  readonly sha256: string;
  /** It came with armloop, and is not of the workspace. */
  readonly shipped: boolean;
  readonly manifest: PolicyManifest;
}

export type { PolicyManifest, Result };
