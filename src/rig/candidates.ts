/** From the contestants of an evaluation to the drivers that run in a cell. */
import { ArmloopError } from '../errors.ts';
import { loadBundle } from '../policy/bundle.ts';
import { PolicyRunner } from '../policy/runner.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { Candidate } from '../session/attempt.ts';
import type { Contestant, Evaluation } from '../session/evaluation.ts';
import { PolicyDriver } from '../session/policy-driver.ts';
import { TeacherDriver } from '../session/teacher.ts';

/**
 * Opens the driver of a contestant for cells of this robot. One thread per policy: results must not depend on how many
 * cores a machine has. Rejects with POLICY_*, and with EVALUATION_CHANGED for a bundle that was changed meanwhile.
 */
export async function openCandidate(
  { id }: Pick<Evaluation, 'id'>,
  { bundle: folder, sha256, name, latencyMs, request }: Contestant,
  spec: RobotSpec,
): Promise<Candidate> {
  if (folder === null) {
    return { driver: new TeacherDriver(), chunks: () => null, async [Symbol.asyncDispose]() {} };
  }
  const bundle = loadBundle(folder);
  if (bundle.sha256 !== sha256)
    throw new ArmloopError('EVALUATION_CHANGED', { id, what: `the policy ${name}` });
  const runner = await PolicyRunner.open(bundle, { spec, threads: 1, request });
  const driver = new PolicyDriver(runner, { latencyMs });
  return {
    driver,
    chunks() {
      const { status } = driver;
      if (status === null) return null;
      const { chunks: made, refused, underruns, problem } = status;
      return { made, refused, underruns, problem };
    },
    [Symbol.asyncDispose]: () => runner[Symbol.asyncDispose](),
  };
}
