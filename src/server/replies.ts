/** Errors as HTTP answers: {error: {code, message, todo}} with a fitting status. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { ArmloopError } from '../errors.ts';
import { wireError } from '../rig/socket.ts';
import { RigError } from './rig-link.ts';

/** What is not listed here is 400 when armloop knows it, else 500. */
const STATUS: Readonly<Record<string, number>> = {
  TOKEN_NEEDED: 401,
  HOST_REFUSED: 403,
  LEASE_NEEDED: 403,
  REQUEST_UNKNOWN: 404,
  EPISODE_UNKNOWN: 404,
  EPISODE_NO_CAMERA: 404,
  RUN_UNKNOWN: 404,
  COLLECTION_UNKNOWN: 404,
  EVALUATION_UNKNOWN: 404,
  POLICY_UNKNOWN: 404,
  LEASE_TAKEN: 409,
  EPISODE_EXISTS: 409,
  EPISODE_BUSY: 409,
  RECORD_STATE: 409,
  REQUEST_REFUSED: 409,
  RECORDING_STATE: 409,
  SCENE_BUSY: 409,
  NOT_SIMULATED: 409,
  CALIBRATION_MISSING: 409,
  CALIBRATION_STALE: 409,
  CALIBRATION_STEP: 409,
  LEADER_LOST: 409,
  LEADER_MISMATCH: 409,
  LEADER_STUCK: 409,
  LEADER_NONE: 409,
  POLICY_NONE: 409,
  POLICY_ASKED: 422,
  GOAL_NONE: 422,
  POLICY_MISMATCH: 422,
  POLICY_CHANGED: 422,
  POLICY_UNREADABLE: 422,
  POLICY_INVALID: 422,
  POLICY_RUNTIME: 422,
  POLICY_OUTPUT: 422,
  REPLAY_IMPOSSIBLE: 422,
  EPISODE_DAMAGED: 422,
  INTERNAL: 500,
  POLICY_REMOTE: 502,
  RIG_UNREACHABLE: 503,
  RIG_THREAD_DIED: 503,
  REQUEST_TIMEOUT: 504,
};

export const errorSchema = Type.Object(
  {
    error: Type.Object({
      code: Type.String({ description: 'Stable; the table is docs/errors.md.' }),
      message: Type.String(),
      todo: Type.String({ description: 'What to do about it.' }),
    }),
  },
  { description: 'What went wrong.' },
);

/**
 * A report. It is a page with text from the workspace: whatever somebody wrote there, the browser runs none of it, loads
 * nothing, and gives it nothing of the console.
 */
export function sendReport(reply: FastifyReply, html: string): FastifyReply {
  return reply
    .header(
      'Content-Security-Policy',
      "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
    )
    .type('text/html; charset=utf-8')
    .send(html);
}

export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if (error instanceof RigError) {
    const { code, message, todo } = error;
    void reply.code(STATUS[code] ?? 400).send({ error: { code, message, todo } });
    return;
  }
  if (error instanceof ArmloopError) {
    void reply.code(STATUS[error.code] ?? 400).send({ error: wireError(error) });
    return;
  }
  const status = (error as FastifyError).statusCode ?? 500;
  if (status >= 400 && status < 500) {
    // The framework's own refusals: body that is no JSON, too large, of another type.
    const reason = error instanceof Error ? error.message : String(error);
    const known = new ArmloopError('REQUEST_INVALID', {
      path: 'the request',
      value: 'not usable',
      rule: reason,
    });
    void reply.code(status).send({ error: wireError(known) });
    return;
  }
  request.log.error(error);
  void reply.code(500).send({ error: wireError(error) });
}
