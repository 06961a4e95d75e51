import t from 'tap';
import { metricsText } from '../../../dashboards/server/metrics.ts';
import { lineText } from '../../../gateway/commands/line-text.ts';
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

t.test('metrics have each line with what was decided and why', async (t) => {
  const counters = {
    ...{ viewers: 0, requestsRefused: 0, ticksSent: 0, ticksSkipped: 0, framesDropped: 0, framesInvalid: 0 },
    ...{ bytesSent: 0, historiesSent: 0, historiesFailed: 0 },
  };
  const text = metricsText(exampleStatus(), counters);
  for (const line of [
    'caisson_line_info{gateway="car7",line="lte",state="waiting",why="budget used up until 2026-06-02 00:00 UTC",metered="true"} 1',
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
  ]) {
    t.ok(text.split('\n').includes(line), line);
  }
  t.notMatch(text, 'caisson_line_budget_bytes{gateway="car7",line="dead"}', 'what there is not, is not there');
});
