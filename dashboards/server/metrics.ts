import type { DestinationStatus, GatewayStatus, LineStatus } from '../../gateway/status.ts';
import type { HubCounters } from './live/hub.ts';
import { relayFamilies } from './relay-metrics.ts';

/** Media type of the text format of Prometheus, version 0.0.4. */
export const METRICS_MEDIA_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What the dashboard itself counts. */
export interface DashboardCounters extends HubCounters {
  viewers: number;
  /** Requests and sockets refused because Host or Origin is not this machine's, or too many viewers are there. */
  requestsRefused: number;
}

/** The state of the gateway and its dashboard in the text format of Prometheus. */
export function metricsText(status: GatewayStatus, dashboard: DashboardCounters): string {
  const { ring, store, clock } = status;
  const out = new Exposition();
  out.family('caisson_info', 'gauge', 'Identity of this process; always 1.', [
    [{ role: status.role, gateway: status.gateway, boot: status.boot, version: status.version }, 1],
  ]);
  out.one('caisson_start_time_seconds', 'gauge', 'UTC at the start of the process.', status.startedAt / 1e6);
  out.one('caisson_status_time_seconds', 'gauge', 'UTC at which these figures were taken.', status.now / 1e6);
  out.family('caisson_clock_error_seconds', 'gauge', 'Bound of the error of UTC.', [
    [{ source: clock.source }, clock.errorUs / 1e6],
  ]);
  out.one('caisson_ring_slots', 'gauge', 'Slots of the intake ring.', ring.slots);
  out.one('caisson_ring_used_slots', 'gauge', 'Slots of the intake ring that wait for a commit.', ring.used);
  out.one('caisson_ring_refused_total', 'counter', 'Samples refused by a full ring.', ring.refused);
  out.one('caisson_store_commits_total', 'counter', 'Commits of the journal.', store.commits);
  out.one('caisson_store_samples_total', 'counter', 'Samples committed.', store.samples);
  out.one('caisson_store_lost_samples_total', 'counter', 'Samples counted as lost.', store.lost);
  out.one('caisson_store_commit_seconds', 'gauge', 'Mean time of a commit with its fsync.', store.commitMs / 1e3);
  out.one('caisson_store_journal_rows', 'gauge', 'Rows of the journal.', store.journalRows);
  out.one('caisson_store_unsealed_samples', 'gauge', 'Samples that are in no block yet.', store.unsealed);
  out.one('caisson_store_seal_waits_total', 'counter', 'Times that the ring waited for seals.', store.sealWaits);
  const { blocks, blockBytes } = store;
  if (blocks !== undefined) out.one('caisson_store_blocks', 'gauge', 'Blocks kept.', blocks);
  if (blockBytes !== undefined) out.one('caisson_store_block_bytes', 'gauge', 'Bytes of all blocks.', blockBytes);
  if (store.merge !== undefined) {
    const { packs, samples, bytes } = store.merge;
    out.one('caisson_store_merged_packs_total', 'counter', 'Small packs that were merged into larger ones.', packs);
    out.one('caisson_store_merged_samples_total', 'counter', 'Samples written again by merging.', samples);
    out.one('caisson_store_merged_bytes_total', 'counter', 'Bytes of packs written by merging.', bytes);
  }
  if (store.mended !== undefined) {
    out.family(
      'caisson_store_mended_samples',
      'gauge',
      'Samples of a damaged database that was made anew, by what became of them.',
      [
        [{ state: 'kept' }, store.mended.kept],
        [{ state: 'lost' }, store.mended.lost],
        [{ state: 'left' }, store.mended.left],
      ],
    );
    const help = 'When it was met that the database was damaged, UTC.';
    out.one('caisson_store_mended_timestamp_seconds', 'gauge', help, store.mended.since / 1e6);
  }
  if (store.retired !== undefined) {
    const { byLimit, ...all } = store.retired;
    const family = (name: keyof typeof byLimit, help: string) =>
      out.family(`caisson_store_retired_${name}_total`, 'counter', help, [
        [{ why: 'days' }, all[name] - byLimit[name]],
        [{ why: 'limit' }, byLimit[name]],
      ]);
    family('packs', 'Packs given up by the rules of this central, for their age or because a limit was passed.');
    family('samples', 'Samples given up with them.');
    family('bytes', 'Bytes of those packs.');
  }
  if (store.pulled !== undefined) {
    const { known, conflicts, holes, setBacks } = store.pulled;
    out.one('caisson_pulled_known_blocks_total', 'counter', 'Blocks that came and were here already.', known);
    out.one('caisson_pulled_conflicts_total', 'counter', 'Blocks kept apart: others have their numbers.', conflicts);
    out.one('caisson_pulled_holes_total', 'counter', 'Stretches that never came and count as lost.', holes);
    out.one('caisson_pulled_set_backs_total', 'counter', 'Stores of gateways that were set back to a copy.', setBacks);
  }
  if (store.retention !== undefined) {
    const { rung, usedBytes, limitBytes, roomBytes, classes } = store.retention;
    out.one('caisson_store_used_bytes', 'gauge', 'Bytes of the large database in use.', usedBytes);
    out.one('caisson_store_limit_bytes', 'gauge', 'Bytes that the large database may have at most.', limitBytes);
    out.one('caisson_store_room_bytes', 'gauge', 'Bytes that can still be written to the disk.', roomBytes);
    out.family('caisson_store_ladder_info', 'gauge', 'What is given up because the disk runs short; always 1.', [
      [{ rung }, 1],
    ]);
    out.family(
      'caisson_store_class_bytes',
      'gauge',
      'Bytes of samples kept.',
      classes.map((each): Sample => [{ class: each.class }, each.bytes]),
    );
    out.family(
      'caisson_store_class_reach_seconds',
      'gauge',
      'How far back samples reach.',
      classes.map((each): Sample => [{ class: each.class }, each.reachUs / 1e6]),
    );
  }
  if (status.wear !== undefined) {
    const { disk, writtenBytes, bytesPerDay, used, yearsLeft } = status.wear;
    const wear = (name: string, type: 'gauge' | 'counter', help: string, value: number) => {
      if (!Number.isNaN(value)) out.family(`caisson_disk_${name}`, type, help, [[{ disk }, value]]);
    };
    wear(
      'written_bytes_total',
      'counter',
      'Bytes written to the disk of the store since metering began.',
      writtenBytes,
    );
    wear('written_bytes_per_day', 'gauge', 'Bytes written to the disk of the store a day, at present.', bytesPerDay);
    wear('life_used_ratio', 'gauge', 'Share of the life of the disk of the store that is used.', used);
    wear('life_left_years', 'gauge', 'How long the disk of the store lasts at the present rate.', yearsLeft);
  }
  if (status.security !== undefined) {
    const { role, name, expires, open, accepted, refused } = status.security;
    out.family('caisson_certificate_expiry_time_seconds', 'gauge', 'UTC at which the own certificate expires.', [
      [{ role, name }, expires / 1e6],
    ]);
    out.one('caisson_grpc_connections', 'gauge', 'Secure connections that are open.', open);
    out.one('caisson_grpc_connections_total', 'counter', 'Secure connections that were accepted.', accepted);
    out.family(
      'caisson_grpc_turned_away_total',
      'counter',
      'Connections that were not let in or were cut, by reason.',
      Object.entries(refused).map(([reason, count]): Sample => [{ reason }, count]),
    );
  }
  const uplinks = (status.uplinks ?? []).map((uplink) => ({ labels: { address: uplink.address }, uplink }));
  out.family(
    'caisson_uplink_up',
    'gauge',
    'Whether a central has the line that is dialled.',
    uplinks.map(({ labels, uplink }) => [labels, uplink.state === 'connected' ? 1 : 0]),
  );
  out.family(
    'caisson_uplink_lines_total',
    'counter',
    'Lines that central took.',
    uplinks.map(({ labels, uplink }) => [labels, uplink.lines]),
  );
  out.family(
    'caisson_uplink_failures_total',
    'counter',
    'Attempts to hand central a line that failed.',
    uplinks.map(({ labels, uplink }) => [labels, uplink.failures]),
  );
  const drills = (status.drills ?? []).map((drill) => ({ labels: { gateway: drill.gateway }, drill }));
  out.family(
    'caisson_backup_drill_ok',
    'gauge',
    'Whether the last drill restored the backup of a gateway and found everything right.',
    drills.map(({ labels, drill }) => [labels, drill.ok ? 1 : 0]),
  );
  out.family(
    'caisson_backup_restored_timestamp_seconds',
    'gauge',
    'When the last drill began that did, 0 where none did.',
    drills.map(({ labels, drill }) => [labels, drill.good / 1e6]),
  );
  relayFamilies(out, status);
  lineFamilies(out, status.lines ?? []);
  destinationFamilies(out, status.destinations ?? []);
  const sources = status.sources.map((source) => ({ labels: { source: source.name, kind: source.kind }, source }));
  out.family(
    'caisson_source_up',
    'gauge',
    'Whether the source is running.',
    sources.map(({ labels, source }) => [labels, source.state === 'running' ? 1 : 0]),
  );
  out.family(
    'caisson_source_samples_per_second',
    'gauge',
    'Samples a second over the last few seconds.',
    sources.map(({ labels, source }) => [labels, source.rate]),
  );
  out.family(
    'caisson_source_received_total',
    'counter',
    'Units taken from the wire.',
    sources.map(({ labels, source }) => [labels, source.received]),
  );
  out.family(
    'caisson_source_samples_total',
    'counter',
    'Samples pushed.',
    sources.map(({ labels, source }) => [labels, source.samples]),
  );
  out.family(
    'caisson_source_dropped_total',
    'counter',
    'Units dropped for want of room.',
    sources.map(({ labels, source }) => [labels, source.dropped]),
  );
  out.family(
    'caisson_source_errors_total',
    'counter',
    'Units that could not be used, by reason.',
    sources.flatMap(({ labels, source }) =>
      Object.entries(source.errors).map(([reason, count]): Sample => [{ ...labels, reason }, count]),
    ),
  );
  out.family(
    'caisson_source_left_out_total',
    'counter',
    'Samples left out because the config says so, by reason.',
    sources.flatMap(({ labels, source }) =>
      Object.entries(source.leftOut ?? {}).map(([reason, count]): Sample => [{ ...labels, reason }, count]),
    ),
  );
  out.family(
    'caisson_source_stale_channels',
    'gauge',
    'Channels of the source that went quiet.',
    sources.map(({ labels, source }) => [labels, source.stale?.count ?? 0]),
  );
  out.family(
    'caisson_source_clock_offset_seconds',
    'gauge',
    "Clock of the source's device minus UTC.",
    sources.flatMap(({ labels, source: { deviceClock } }): Sample[] =>
      deviceClock === undefined ? [] : [[labels, deviceClock.offsetUs / 1e6]],
    ),
  );
  out.one('caisson_problems', 'gauge', 'Problems that a person should know of now.', status.problems.length);
  out.one('caisson_viewers', 'gauge', 'Viewers connected.', dashboard.viewers);
  out.one('caisson_live_ticks_sent_total', 'counter', 'Live ticks sent.', dashboard.ticksSent);
  out.one('caisson_live_ticks_skipped_total', 'counter', 'Ticks merged for slow viewers.', dashboard.ticksSkipped);
  out.one('caisson_live_frames_dropped_total', 'counter', 'Frames dropped by full sockets.', dashboard.framesDropped);
  out.one('caisson_live_frames_invalid_total', 'counter', 'Invalid frames from viewers.', dashboard.framesInvalid);
  out.one('caisson_live_bytes_sent_total', 'counter', 'Bytes of live frames sent.', dashboard.bytesSent);
  out.one('caisson_live_histories_sent_total', 'counter', 'Histories sent.', dashboard.historiesSent);
  out.one(
    'caisson_live_histories_failed_total',
    'counter',
    'Histories the store did not give.',
    dashboard.historiesFailed,
  );
  out.one('caisson_http_refused_total', 'counter', 'Requests refused.', dashboard.requestsRefused);
  return out.text();
}

function destinationFamilies(out: Exposition, all: readonly DestinationStatus[]): void {
  const family = (name: string, help: string, of: (destination: DestinationStatus) => number | undefined) =>
    out.family(
      `caisson_destination_${name}`,
      'gauge',
      help,
      all.flatMap((destination): Sample[] => {
        const value = of(destination);
        return value === undefined ? [] : [[{ central: destination.name }, value]];
      }),
    );
  family('position', 'What that central has of the feed.', ({ position }) => position);
  family('behind_bytes', 'What it lacks, about.', ({ behind }) => behind?.bytes);
  family(
    'behind_since_time_seconds',
    'UTC since when the oldest of it is here; missing: there is none.',
    ({ behind }) => behind?.since && behind.since / 1e6,
  );
  family('bytes_per_second', 'What it took lately.', ({ behind }) => behind?.bytesPerS);
  family('told_time_seconds', 'UTC at which it last said, or proved, what it has.', ({ told }) => told && told / 1e6);
  family('withheld_channels', 'Channels that do not go there.', ({ withheld }) =>
    Object.values(withheld ?? {}).reduce((sum, count) => sum + count, 0),
  );
  family(
    'stores',
    'Stores that are heard under that name; more than one: two centrals have it.',
    ({ stores }) => stores?.length ?? 1,
  );
  family(
    'caught_up_seconds',
    'Until it has all, at the present rates; missing: never.',
    ({ behind }) => behind?.caughtUpS,
  );
}

function lineFamilies(out: Exposition, all: readonly LineStatus[]): void {
  const lines = all.map((line) => ({ labels: { gateway: line.gateway, line: line.name }, line }));
  const family = (
    name: string,
    type: 'gauge' | 'counter',
    help: string,
    of: (line: LineStatus) => number | undefined,
  ) =>
    out.family(
      `caisson_line_${name}`,
      type,
      help,
      lines.flatMap(({ labels, line }): Sample[] => {
        const value = of(line);
        return value === undefined ? [] : [[labels, value]];
      }),
    );
  family('up', 'gauge', 'Whether the line is in use.', ({ state }) => (state === 'in-use' ? 1 : 0));
  out.family(
    'caisson_line_info',
    'gauge',
    'What the line does, and why; always 1.',
    lines.map(({ labels, line: { state, why, metered } }) => [
      { ...labels, state, why: causeOf(why), metered: String(metered) },
      1,
    ]),
  );
  family('received_bytes_total', 'counter', 'Bytes on the wire from the other end.', (line) => line.receivedBytes);
  family('sent_bytes_total', 'counter', 'Bytes on the wire to the other end.', (line) => line.sentBytes);
  family('connections_total', 'counter', 'Connections that came to be.', (line) => line.connections);
  family('failures_total', 'counter', 'Attempts that failed and connections that were cut.', (line) => line.failures);
  family('waits_until_time_seconds', 'gauge', 'UTC until which the line waits.', ({ until }) => until && until / 1e6);
  family('cap_bytes_per_second', 'gauge', 'What the line may carry at most.', (line) => line.capBytesPerS);
  family('budget_bytes', 'gauge', 'What the line may carry on a day of UTC.', (line) => line.budgetBytes);
  family('budget_used_bytes', 'gauge', 'What of it was used today.', (line) => line.budgetUsedBytes);
  family('rate_bytes_per_second', 'gauge', 'What the line carries, as was found.', ({ pace }) => pace?.bytesPerS);
  family('round_trip_seconds', 'gauge', 'Shortest round trip.', ({ pace }) => pace && pace.roundTripMs / 1e3);
  family('queue_seconds', 'gauge', 'What a round trip takes beyond it.', ({ pace }) => pace && pace.queueMs / 1e3);
  family('window_bytes', 'gauge', 'On its way at most.', ({ pace }) => pace?.windowBytes);
  family('quantum_bytes', 'gauge', 'In one message at most.', ({ pace }) => pace?.quantumBytes);
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Text format of Prometheus: every family with its help and type, label values escaped. */
class Exposition {
  readonly #lines: string[] = [];

  one(name: string, type: 'gauge' | 'counter', help: string, value: number): void {
    this.family(name, type, help, [[{}, value]]);
  }

  family(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
      this.#lines.push(`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${number(value)}`);
    }
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

/** Why a line does what it does, without the time until which: a label that is another every day would be a series each. */
function causeOf(why: string): string {
  return why.replace(/ until \d{4}-\d\d-\d\d \d\d:\d\d UTC/g, '');
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
