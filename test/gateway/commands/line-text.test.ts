import t from 'tap';
import { metricsText } from '../../../dashboards/server/metrics.ts';
import { lineText } from '../../../gateway/commands/line-text.ts';
import { statusText } from '../../../gateway/commands/status.ts';
import type { BehindStatus } from '../../../gateway/status.ts';
import { exampleStatus } from '../../sync/memory-telemetry.ts';

const { lines = [] } = exampleStatus();

t.test('a line says what it does, why, and until when', async (t) => {
  const [first, ...rest] = lines.map(lineText);
  t.equal(
    first,
    'line     car7 over lte: waits: budget used up until 2026-06-02 00:00 UTC; since 2023-11-14T22:13:20.500000Z; ' +
      '1.0 Mbit/s, round trip 42 ms and 18 ms of queue, window 7500 B in messages of 2000 B; capped at 400 kbit/s; ' +
      '4.0 MB of 4.0 MB of today used; 4.0 MB came, 5000 B went, metered; 2 connections, 3 failures',
  );
  t.equal(rest[0], 'line     car7 over in-use: in use: it is in-use; 0 B came, 0 B went; 0 connections, 0 failures');
  t.match(rest[1], /open 22:00-06:00 UTC; .*as told 2023-11-14T22:13:20/, 'at the box: when central said so');
});

const counters = {
  ...{ viewers: 0, requestsRefused: 0, ticksSent: 0, ticksSkipped: 0, framesDropped: 0, framesInvalid: 0 },
  ...{ bytesSent: 0, historiesSent: 0, historiesFailed: 0 },
};

t.test('a central says what it merged, retired and found of what came, in metrics and in words', async (t) => {
  const status = exampleStatus('hq', 'central');
  const lines = metricsText(status, counters).split('\n');
  for (const line of [
    'caisson_store_merged_packs_total 64',
    'caisson_store_merged_samples_total 640',
    'caisson_store_merged_bytes_total 700',
    'caisson_store_retired_packs_total{why="days"} 2',
    'caisson_store_retired_packs_total{why="limit"} 1',
    'caisson_store_retired_samples_total{why="days"} 20',
    'caisson_store_retired_bytes_total{why="limit"} 100',
    'caisson_pulled_known_blocks_total 9',
    'caisson_pulled_conflicts_total 2',
    'caisson_pulled_holes_total 4',
    'caisson_pulled_set_backs_total 1',
  ]) {
    t.ok(lines.includes(line), line);
  }
  const text = statusText(status);
  t.match(text, /^pulled {3}9 blocks known already, 2 kept apart, 4 holes, 1 set-back$/m);
  t.match(text, /^retired {2}3 packs? by its rules, 30 samples/m);
  t.notMatch(metricsText(exampleStatus(), counters), 'caisson_pulled_');
});

t.test('a gateway says that its store was made anew, in metrics and in words', async (t) => {
  const status = exampleStatus();
  const lines = metricsText(status, counters).split('\n');
  for (const line of [
    'caisson_store_mended_samples{state="kept"} 40',
    'caisson_store_mended_samples{state="lost"} 3',
    'caisson_store_mended_samples{state="left"} 1',
    'caisson_store_mended_timestamp_seconds 1699999000',
  ]) {
    t.ok(lines.includes(line), line);
  }
  t.match(
    statusText(status),
    /^mended {3}damaged at 2023-11-14T21:\S+ \(database disk image is malformed\); 40 samples back, 3 lost, 1 had no room; the damaged files are in damaged-1$/m,
  );
});

t.test('what a destination lacks is said with when it has caught up, as far as that is known', async (t) => {
  const textOf = (behind: BehindStatus) => {
    const destinations = [{ name: 'hq', position: 3, proven: false, refused: {}, behind }];
    return statusText({ ...exampleStatus(), destinations });
  };
  t.match(textOf({ positions: 7, bytes: 4_000_000 }), /hq: has the feed up to 3; 4\.0 MB behind; /);
  t.match(
    textOf({ positions: 7, bytes: 4_000_000, bytesPerS: 2_000 }),
    / 4\.0 MB behind, takes 2000 B\/s, does not catch up/,
  );
  t.match(textOf({ positions: 7, bytes: 4_000_000, bytesPerS: 2_000, caughtUpS: 90 }), / 2000 B\/s, caught up in 1/);
  t.match(textOf({ positions: 0, bytes: 0, caughtUpS: 0 }), /hq: has the feed up to 3; up to date; /);
});

t.test('of a central whose name several stores have each is told, and until when it is waited for', async (t) => {
  const text = statusText(exampleStatus());
  t.match(
    text,
    /hq: has the feed up to 900; 2 STORES HAVE ITS NAME, .*fedcba98 up to 950, waited for until 2023-11-15/,
  );
  t.notMatch(text, /third: .*STORES/);
});

t.test('metrics have each line with what was decided and why', async (t) => {
  const text = metricsText(exampleStatus(), counters);
  for (const line of [
    'caisson_line_info{gateway="car7",line="lte",state="waiting",why="budget used up",metered="true"} 1',
    'caisson_line_up{gateway="car7",line="in-use"} 1',
    'caisson_line_up{gateway="car7",line="lte"} 0',
    'caisson_line_budget_used_bytes{gateway="car7",line="lte"} 4005000',
    'caisson_line_round_trip_seconds{gateway="car7",line="lte"} 0.0415',
    'caisson_line_waits_until_time_seconds{gateway="car7",line="lte"} 1780358400',
    'caisson_line_received_bytes_total{gateway="car7",line="lte"} 4000000',
    'caisson_destination_position{central="hq"} 900',
    'caisson_destination_behind_bytes{central="hq"} 2000000',
    'caisson_destination_behind_since_time_seconds{central="hq"} 1699999000',
    'caisson_destination_bytes_per_second{central="hq"} 50000',
    'caisson_destination_caught_up_seconds{central="hq"} 400',
    'caisson_destination_told_time_seconds{central="hq"} 1700000000.9',
    'caisson_destination_stores{central="hq"} 2',
    'caisson_destination_stores{central="third"} 1',
  ]) {
    t.ok(text.split('\n').includes(line), line);
  }
  t.notMatch(text, 'caisson_line_budget_bytes{gateway="car7",line="dead"}', 'what there is not, is not there');
});
