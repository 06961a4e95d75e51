import { Client } from 'pg';
import t from 'tap';
import { CaissonError } from '../../../../gateway/errors.ts';
import { BlockingTelemetry } from '../../../../sync/central/postgres/blocking-telemetry.ts';
import { requireTools } from '../../../debian.ts';
import { eventually } from '../../../scenarios/eventually.ts';
import { openBothCentrals, openSources } from '../both-centrals.ts';
import { PostgresLook } from '../postgres-rig.ts';
import { PostgresServer } from '../postgres-server.ts';

/** What nobody could answer within, while a table is locked. */
const REPLY_MS = 2_000;

/** The answer to a question, which is asked again where a busy machine took too long for it. */
function answered<Answer>(ask: () => Answer): Promise<Answer> {
  return eventually('an answer in time', () => {
    try {
      return ask();
    } catch (error) {
      if (error instanceof CaissonError && error.code === 'store-failed') return undefined;
      throw error;
    }
  });
}

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  await t.test('an answer that comes after its time is nobody else’s', async (t) => {
    const url = await server.database();
    await openBothCentrals(t, url, openSources(t, 5, 1, 10));
    const look = new PostgresLook(url);
    t.teardown(() => look.close());
    const lock = new Client({ connectionString: url });
    await lock.connect();
    t.teardown(() => lock.end());
    const telemetry = new BlockingTelemetry(url, (text) => t.fail(text), REPLY_MS);
    t.teardown(() => telemetry.close());
    const boots = await answered(() => telemetry.boots());
    const [channel] = await answered(() => telemetry.channels());
    const id = channel?.id ?? 0;
    const accounts = await answered(() => telemetry.accounts(id));
    t.ok(boots.length > 0 && accounts.length > 0);

    await lock.query('BEGIN; LOCK TABLE gateways, channels, boots IN ACCESS EXCLUSIVE MODE');
    t.throws(() => telemetry.channels(), {
      code: 'store-failed',
      message: 'PostgreSQL was asked for 2 s without an answer',
      retryable: true,
    });
    await lock.query('COMMIT');
    await eventually('nobody waits for the lock', async () => {
      const waiting = await look.run("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
      return waiting.length === 0;
    });
    for (let i = 0; i < 20; i += 1) {
      t.same(await answered(() => telemetry.boots()), boots);
      t.same(await answered(() => telemetry.accounts(id)), accounts);
    }
  });
}
