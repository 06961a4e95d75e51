import type { SessionWish } from '../../gateway/analysis/sessions/session-desk.ts';
import { CaissonError } from '../../gateway/errors.ts';
import { type Session, sessionsOf } from '../../gateway/query/sessions.ts';
import type { AskedTelemetry } from '../../gateway/query/telemetry.ts';
import type { Outflow } from './outflow.ts';
import type { KeepSessionRequestMessage, ListSessionsRequestMessage, SessionMessage } from './session-messages.ts';

/** Takes what somebody wants of a session. Throws as `SessionDesk.take` does. */
export type TakeSession = (wish: SessionWish) => Promise<Session>;

/**
 * Sends the sessions that touch a range, by begin.
 * @throws CaissonError `query-invalid` for an empty range
 */
export async function answerListSessions(
  telemetry: AskedTelemetry,
  { gateway, from, to }: ListSessionsRequestMessage,
  out: Outflow<SessionMessage>,
): Promise<void> {
  if (from !== undefined && to !== undefined && !(from < to)) {
    throw new CaissonError('query-invalid', `range [${from}, ${to}) is empty`);
  }
  for (const session of await sessionsOf(telemetry, gateway, from, to)) {
    if (!(await out.send(encodeSession(session)))) return;
  }
}

/** @param take undefined at a central: what stands there is what its gateways have */
export async function answerKeepSession(
  take: TakeSession | undefined,
  { begin, end, from, to, ...request }: KeepSessionRequestMessage,
): Promise<SessionMessage> {
  if (take === undefined) {
    throw new CaissonError('not-served', 'a central keeps no sessions of its own', {
      hint: 'ask the gateway whose recording it is',
    });
  }
  return encodeSession(await take({ ...request, begins: begin, ends: end, from, to }));
}

export function decodeSession({ to, ...session }: SessionMessage): Session {
  return { ...session, to };
}

function encodeSession({ to, ...session }: Session): SessionMessage {
  return { ...session, ...(to !== undefined && { to }) };
}
