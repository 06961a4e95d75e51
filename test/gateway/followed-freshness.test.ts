import t from 'tap';
import { FollowedFreshness } from '../../gateway/followed-freshness.ts';
import { FakeTelemetry } from '../dashboards/fake-telemetry.ts';

const START = 1_700_000_000_000_000;

t.test('who follows a store says by its commits what is stale, and lets go of it', async (t) => {
  const telemetry = new FakeTelemetry([], START);
  const freshness = new FollowedFreshness(telemetry);
  // More channels than there is room for at first.
  for (let n = 0; n < 300; n += 1) telemetry.add({ definition: { name: `box/${n}` }, rateHz: 1, value: () => n });
  telemetry.silence('box/299', true);
  let now = START;
  const run = (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      now += 1e6;
      telemetry.advance(now);
      freshness.look(now);
    }
  };
  t.ok(freshness.isStale(1), 'nothing was committed yet');
  run(10);
  t.notOk(freshness.isStale(1));
  t.notOk(freshness.isStale(299));
  t.ok(freshness.isStale(300), 'never heard');
  t.ok(freshness.isStale(301), 'no such channel');
  telemetry.silence('box/0', true);
  run(6);
  t.same([freshness.isStale(1), freshness.isStale(2)], [true, false]);
  telemetry.silence('box/0', false);
  run(2);
  t.notOk(freshness.isStale(1));
  const { listeners } = telemetry;
  freshness.stop();
  t.equal(telemetry.listeners, listeners - 1);
});
