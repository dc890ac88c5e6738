/** What is asked of a policy that does several things: which of its tasks, or which goal. */
import type { Feature, PolicyManifest } from './manifest.ts';

export interface Request {
  /** One of the manifest's texts; needed when it lists several. */
  readonly task?: string | undefined;
  /** Goal, as its features say, not normalised. */
  readonly goal?: readonly number[] | undefined;
}

/** What a goal of the policy is made of; null for one that takes none. */
export function goalFeatures(m: PolicyManifest): readonly Feature[] | null {
  for (const input of m.inputs)
    if (input.kind === 'condition' && input.features !== undefined) return input.features;
  return null;
}

/** The texts that the policy chooses from; empty for one that is not asked. */
export function conditionTasks(m: PolicyManifest): readonly string[] {
  return m.inputs.flatMap((i) => (i.kind === 'condition' && i.tasks !== undefined ? i.tasks : []));
}

/**
 * What an attempt at a task asks: the task by its text or its name, whichever the policy lists. One that does one thing
 * alone is asked for that. A task that it does not list is asked for all the same: the policy refuses it in words.
 */
export function requestFor(
  m: PolicyManifest,
  task: { readonly name: string; readonly text: string },
  goal: readonly number[] | null,
): Request {
  const known = conditionTasks(m);
  const wanted = [task.text, task.name].find((t) => known.includes(t)) ?? task.text;
  return {
    ...(known.length > 1 || known[0] === wanted ? { task: wanted } : {}),
    ...(goal === null ? {} : { goal }),
  };
}
