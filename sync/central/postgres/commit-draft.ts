import { createHash } from 'node:crypto';
import { DatabaseError } from 'pg';
import { CaissonError } from '../../../gateway/errors.ts';
import { encodeSpans } from '../../../gateway/store/derivation.ts';
import { encodeEntries } from '../../../gateway/store/index-entries.ts';
import { encodeRoster } from '../../../gateway/store/roster.ts';
import type { Statements } from './database.ts';
import type { Draft } from './draft.ts';
import type { DraftGateway } from './draft-gateway.ts';
import { insertRows } from './insert-rows.ts';
import { sendMoved } from './moved-packs.ts';

/** What PostgreSQL and its kin call a column without the value that it must have. */
const NOT_NULL_VIOLATION = '23502';

/** What a commit needs to know beside the draft. */
export interface CommitTerms {
  readonly month: number;
  /** Number of the day of UTC. */
  readonly day: number;
  /** How long a lease is good for from now on, milliseconds. */
  readonly leaseMs: number;
}

/**
 * Sends what writes a draft; belongs in a transaction. Where another process has taken the lease meanwhile it fails with
 * CaissonError `gateway-held`, and nothing of it may be committed.
 */
export function sendDraft(statements: Statements, draft: Draft, terms: CommitTerms): Promise<unknown>[] {
  // In one order for everybody, so that none waits for another in a circle.
  const gateways = [...draft.gateways.values()].sort((a, b) => a.held.number - b.held.number);
  return [
    ...gateways.map((each) => fence(statements, each, terms.leaseMs)),
    ...gateways.flatMap((each) => write(statements, each, terms)),
  ];
}

/**
 * Updates the row of a gateway, which nobody else can until the transaction ends. Under another epoch the update itself fails, for
 * there is no epoch to write: what was sent behind it fails with it, without having waited for it.
 */
async function fence(statements: Statements, draft: DraftGateway, leaseMs: number) {
  const { held, progress, position, packs, retired, moved } = draft;
  const saved = moved?.merged?.saved ?? { blocks: 0, bytes: 0 };
  const blocks = held.blocks + packs.reduce((sum, pack) => sum + pack.blocks, 0) - saved.blocks;
  const gone = retired.reduce((sum, { bytes }) => sum + bytes, saved.bytes);
  const bytes = held.bytes + packs.reduce((sum, pack) => sum + pack.bytes.length, 0) - gone;
  try {
    await statements.query(
      `UPDATE gateways SET epoch = CASE WHEN epoch = $2 THEN epoch END, feed = $3, after = $4, holes = $5, position = $6,
         blocks = $7, bytes = $8, expires = now() + $9 * interval '1 millisecond', ahead = $10, outlined = $11, boots = $12 WHERE gateway = $1`,
      [
        ...[held.number, held.epoch, progress.feed, progress.after, JSON.stringify(progress.holes), position],
        ...[blocks, bytes, leaseMs, JSON.stringify(progress.held), JSON.stringify(progress.outlined)],
        JSON.stringify(progress.boots),
      ],
    );
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== NOT_NULL_VIOLATION) throw error;
    throw new CaissonError('gateway-held', `another process pulls from ${held.name} now`, { retryable: true });
  }
}

function write(statements: Statements, draft: DraftGateway, { month, day }: CommitTerms): Promise<unknown>[] {
  const { held, index } = draft;
  const gateway = held.number;
  const sent: Promise<unknown>[] = [];
  const insert = (table: string, columns: readonly string[], rows: readonly (readonly unknown[])[], more?: string) =>
    sent.push(
      ...insertRows(
        statements,
        table,
        ['gateway', ...columns],
        rows.map((row) => [gateway, ...row]),
        more,
      ),
    );
  insert(
    'packs',
    ['month', 'position', 'merged', 'bytes'],
    draft.packs.map(({ position, bytes }) => [month, position, false, bytes]),
  );
  const packs = new Map(draft.packs.map((pack) => [pack.position, pack]));
  insert(
    'pack_index',
    [
      ...['roster', 'level', 'ordinal', 'position_first', 'position_last', 'boot', 'stamp', 'time_min', 'time_max'],
      ...['month', 'day', 'size', 'class', 'merged', 'entries'],
    ],
    index.added.map((row) => {
      const pack = row.level === 0 ? packs.get(row.firstPosition) : undefined;
      const moved = draft.movedAt(row);
      return [
        ...[row.roster, row.level, row.ordinal, row.firstPosition, row.lastPosition, row.boot ?? null, row.stamp],
        ...[row.timeMin, row.timeMax, moved?.month ?? month, moved?.day ?? day],
        ...[moved?.size ?? pack?.bytes.length ?? 0, moved?.class ?? pack?.class ?? '', moved?.isMerged ?? false],
        encodeEntries(row.entries()),
      ];
    }),
  );
  insert(
    'rosters',
    ['id', 'position', 'packs', 'channels', 'source'],
    [...index.rosters.values()].map((roster) => {
      const position = draft.rosterPositions.get(roster.id) ?? draft.position;
      return [roster.id, position, roster.packs, encodeRoster(roster.channels), roster.source ?? null];
    }),
    'ON CONFLICT (gateway, id) DO UPDATE SET position = excluded.position, packs = excluded.packs',
  );
  if (draft.moved !== undefined) sent.push(...sendMoved(statements, draft.held.number, draft.moved));
  insert(
    'boots',
    ['id', 'position', 'boot', 'started', 'origin'],
    draft.boots.map(({ id, position, boot, started, origin }) => [id, position, boot, started, origin ?? null]),
  );
  // Of a channel that was defined several times only the last counts.
  const channels = new Map(draft.channels.map((each) => [each.channel.id, each]));
  insert(
    'channels',
    ['id', 'position', 'name', 'definition'],
    [...channels.values()].map(({ channel, position, definition }) => [channel.id, position, channel.name, definition]),
    'ON CONFLICT (gateway, id) DO UPDATE SET position = excluded.position, definition = excluded.definition',
  );
  insert(
    'clock',
    ['position', 'boot', 'time', 'offset', 'error', 'source'],
    draft.clock.map(({ position, boot, reading: { time, offset, error, source } }) => {
      return [position, boot, time, offset, error, source];
    }),
  );
  insert(
    'derivations',
    ['position', 'boot', 'version', 'made', 'arrival', 'device', 'channels', 'recipe'],
    draft.derivations.map(({ position, boot, version, made, spans, channels: ids, recipe }) => [
      ...[position, boot, version, made, encodeSpans(spans.arrival), encodeSpans(spans.device)],
      ...[encodeRoster(ids), JSON.stringify(recipe)],
    ]),
  );
  sent.push(...writeGaps(statements, draft), ...writeOutlines(statements, draft), ...writeRetired(statements, draft));
  insert(
    'conflicts',
    ['position', 'channel', 'boot', 'first_sequence', 'met', 'digest', 'bytes'],
    draft.conflicts.map(({ position, channel, boot, firstSequence, bytes }) => {
      const digest = createHash('sha256').update(bytes).digest();
      return [position, channel, boot, firstSequence, Date.now() * 1e3, digest, bytes];
    }),
    'ON CONFLICT DO NOTHING',
  );
  return sent;
}

function writeRetired(statements: Statements, { held, retired }: DraftGateway): Promise<unknown>[] {
  const gateway = held.number;
  return retired.flatMap(({ roster, end, packs, position }) => [
    statements.query(
      'UPDATE rosters SET retired = $3, position = $4, retired_at = now() WHERE gateway = $1 AND id = $2',
      [gateway, roster, end, position],
    ),
    ...insertRows(
      statements,
      'retired_packs',
      ['gateway', 'position', 'roster', 'ordinal'],
      packs.map((pack) => [gateway, pack.position, roster, pack.ordinal]),
    ),
  ]);
}

/** Outlines that give way to samples go before others come: those are of samples that are not here. */
function writeOutlines(statements: Statements, { held, outlined, outlines }: DraftGateway): Promise<unknown>[] {
  const gateway = held.number;
  const sent: Promise<unknown>[] = [];
  if (outlined.length > 0) {
    const removed = statements.query(
      `DELETE FROM outlines USING unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) AS here (channel, boot, first, "end")
       WHERE gateway = $1 AND outlines.channel = here.channel AND outlines.boot = here.boot
         AND first_sequence >= here.first AND first_sequence < here."end" AND end_sequence <= here."end"`,
      [
        ...[gateway, outlined.map(({ channel }) => channel), outlined.map(({ boot }) => boot)],
        ...[outlined.map(({ from }) => from), outlined.map(({ to }) => to)],
      ],
    );
    sent.push(removed);
  }
  // Of several with one first number the last counts.
  const last = new Map(outlines.map((each) => [`${each.channel} ${each.boot} ${each.firstSequence}`, each]));
  const added = insertRows(
    statements,
    'outlines',
    ['gateway', 'channel', 'boot', 'first_sequence', 'end_sequence', 'stamp', 'time_min', 'time_max', 'nodes'],
    [...last.values()].map(({ channel, boot, firstSequence, end, stamp, timeMin, timeMax, nodes }) => {
      return [gateway, channel, boot, firstSequence, end, stamp, timeMin, timeMax, nodes];
    }),
    `ON CONFLICT (gateway, channel, boot, first_sequence) DO UPDATE SET end_sequence = excluded.end_sequence,
       time_min = excluded.time_min, time_max = excluded.time_max, nodes = excluded.nodes`,
  );
  return [...sent, ...added];
}

/** Gaps that came, went or grew: what is touched is taken out, and put in as it is. */
function writeGaps(statements: Statements, draft: DraftGateway): Promise<unknown>[] {
  const touched = [...draft.touchedGaps].flatMap(([key, firsts]) => {
    const [channel = 0, boot = 0] = key.split(' ').map(Number);
    return [...firsts].map((first) => ({ channel, boot, first, now: draft.gaps(channel, boot).beginningAt(first) }));
  });
  if (touched.length === 0) return [];
  const gateway = draft.held.number;
  const removed = statements.query(
    `DELETE FROM gaps USING unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS gone (channel, boot, first)
     WHERE gateway = $1 AND gaps.channel = gone.channel AND gaps.boot = gone.boot AND first_sequence = gone.first`,
    [
      gateway,
      touched.map(({ channel }) => channel),
      touched.map(({ boot }) => boot),
      touched.map(({ first }) => first),
    ],
  );
  const added = insertRows(
    statements,
    'gaps',
    ['gateway', 'channel', 'boot', 'first_sequence', 'position', 'count', 'time_from', 'time_to', 'cause'],
    touched.flatMap(({ now }) => {
      if (now === undefined) return [];
      const { channel, boot, firstSequence, position, count, from, to, cause } = now;
      return [[gateway, channel, boot, firstSequence, position, count, from, to, cause]];
    }),
  );
  return [removed, ...added];
}
