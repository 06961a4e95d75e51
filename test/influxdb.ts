import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { waitFor } from './wait-for.ts';

/** How often it is asked whether it is up, milliseconds. */
const ASK_MS = 50;

/** A series of a query's answer. */
export interface InfluxSeries {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly (number | string | boolean | null)[])[];
}

/** An InfluxDB 1.6 of Debian on loopback, with a folder of its own. */
export interface InfluxDb {
  readonly port: number;
  readonly process: ChildProcess;
  createDatabase(name: string): Promise<void>;
  /** Status and body of the answer to a write. */
  write(database: string, body: string | Uint8Array, precision?: string): Promise<{ status: number; text: string }>;
  /** Points of a database, times in microseconds; all of them, or those of a WHERE clause. */
  all(database: string, where?: string): Promise<readonly InfluxSeries[]>;
  stop(): Promise<void>;
}

export async function startInfluxDb(): Promise<InfluxDb> {
  const folder = mkdtempSync(join(tmpdir(), 'influxdb-'));
  const [port, backupPort] = [await freePort(), await freePort()];
  writeFileSync(join(folder, 'influxdb.conf'), configOf(folder, port, backupPort));
  const child = spawn('influxd', ['-config', join(folder, 'influxdb.conf')], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  let answers = false;
  const ask = setInterval(() => {
    fetch(`${url}/ping`).then(
      () => {
        answers = true;
      },
      () => {},
    );
  }, ASK_MS);
  await waitFor('influxd answers', () => answers).finally(() => clearInterval(ask));
  const query = async (parameters: Record<string, string>): Promise<readonly InfluxSeries[]> => {
    const answer = await fetch(`${url}/query`, { method: 'POST', body: new URLSearchParams(parameters) });
    const { results } = (await answer.json()) as { results: { series?: InfluxSeries[] }[] };
    return results[0]?.series ?? [];
  };
  return {
    port,
    process: child,
    createDatabase: async (name) => void (await query({ q: `CREATE DATABASE "${name}"` })),
    write: async (database, body, precision = 'ns') => {
      const answer = await fetch(`${url}/write?db=${database}&precision=${precision}`, { method: 'POST', body });
      return { status: answer.status, text: await answer.text() };
    },
    all: (database, where = '') => query({ db: database, epoch: 'u', q: `SELECT * FROM /.*/ ${where} GROUP BY *` }),
    stop: async () => {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configOf(folder: string, port: number, backupPort: number): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${backupPort}"
[meta]
dir = "${folder}/meta"
[data]
dir = "${folder}/data"
wal-dir = "${folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
[monitor]
store-enabled = false
`;
}
