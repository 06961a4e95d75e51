import { Buffer } from 'node:buffer';
import { CaissonError } from '../../errors.ts';
import { type Intake, textRoom } from '../../intake.ts';
import { encodeSessionRecord, SESSION_CHANNEL, type SessionRecord } from './session-records.ts';

/**
 * Takes records of sessions in as samples of one moment; resolves when they are on disk.
 * @param time box time, microseconds
 * @throws CaissonError `store-failed`
 */
export async function keepSessions(intake: Intake, records: readonly SessionRecord[], time: number): Promise<void> {
  const texts = records.map(encodeSessionRecord);
  const room = texts.reduce((sum, text) => sum + textRoom(Buffer.byteLength(text)), 0);
  const { id } = intake.channel(SESSION_CHANNEL);
  if (!intake.hasRoom(room) || !texts.every((text) => intake.pushText(id, time, text))) {
    throw new CaissonError('store-failed', 'what is said of sessions cannot be taken in now', { retryable: true });
  }
  await intake.durable(intake.publish());
}
