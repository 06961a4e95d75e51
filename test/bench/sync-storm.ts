import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { GatewayStatus } from '../../gateway/status.ts';
import type { TelemetryClient } from '../../sync/api/client.ts';
import { Authority } from '../../sync/trust/authority.ts';
import { secureClient } from '../../sync/trust/secure-client.ts';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { issuedIdentity } from '../sync/trust/issued-identity.ts';
import { BenchStore } from './bench-store.ts';
import { atMost, type Findings, type Progress } from './figure.ts';
import { cpuSeconds } from './process-usage.ts';

const GATEWAYS = 1_000;
const HOST = '127.0.0.1';
const ENDS = join(import.meta.dirname, 'storm-ends-process.js');
const PASSPHRASE = 'correct horse battery';

/** Time between two looks at how central does, and how long it may take until all is there, milliseconds. */
const LOOK_MS = 1_000;
const LIMIT_MS = 900_000;

/** What the ends say. */
interface EndsWord {
  readonly ports?: readonly number[];
  readonly samples: number;
}

/**
 * A thousand boxes that central was away from come back at once: `caisson central` starts, with all of them in its config, each with a
 * backlog, over connections with certificates at both ends. A box is live when its line runs and what it sealed after the start of central
 * has come. Central must hold every sample.
 */
export async function measureStorm(progress: Progress, gateways = GATEWAYS): Promise<Findings> {
  const place = new BenchStore();
  const authority = join(place.dir, 'authority');
  const issuer = Authority.open(authority, PASSPHRASE);
  const reader = issuedIdentity(issuer, { role: 'reader', name: 'bench' });
  issuer.close();
  const ends = spawn(process.execPath, [ENDS, place.dir, String(gateways), authority, PASSPHRASE], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const words = createInterface({ input: ends.stdout })[Symbol.asyncIterator]();
  let central: CaissonProcess | undefined;
  try {
    progress(`${gateways} boxes take in what they send`);
    const { ports = [] } = await nextWord(words);
    const config = join(place.dir, 'gateways.yaml');
    writeFileSync(config, stringify({ gateways: Object.fromEntries(ports.map(lineOf)) }));
    const started = performance.now();
    const passphrase = join(place.dir, 'passphrase');
    writeFileSync(passphrase, PASSPHRASE, { mode: 0o600 });
    const args = ['--data', join(place.dir, 'central'), '--listen', `${HOST}:0`, '--gateways', config];
    const trust = ['--name', 'hub', '--authority', authority, '--passphrase-file', passphrase];
    central = new CaissonProcess(['central', ...args, ...trust]);
    const port = Number(/:(\d+)/.exec(await central.said('central answers on '))?.[1]);
    const client = secureClient({ host: HOST, port }, reader, { roles: ['central'], name: 'hub' });
    ends.kill('SIGUSR2');
    const { samples } = await nextWord(words);
    const storm = await untilLive({ client, central: central.child, gateways, samples, progress });
    const seconds = (performance.now() - started) / 1e3;
    client.close();
    return {
      figures: [
        {
          ...{ name: 'storm_s', value: seconds, unit: 's', target: atMost(120) },
          meaning: `${gateways} boxes back at once at a central that starts: until each has a line and all that it took in is kept`,
        },
        {
          name: 'storm_central_mb',
          value: storm.peakMb,
          unit: 'MB',
          meaning: 'the most memory that central held meanwhile',
        },
        { name: 'storm_central_cpu_s', value: storm.cpuS, unit: 's', meaning: 'CPU time of central until then' },
        {
          ...{ name: 'storm_refused', value: storm.refused, unit: '', target: atMost(0) },
          meaning: 'items that central refused or left out, and samples that it lacks',
        },
      ],
      notes: [`storm: ${samples} samples of ${gateways} boxes; failed attempts to connect: ${storm.failures}`],
    };
  } finally {
    // In good order: killed, it would leave the folder of each of its lines.
    await central?.kill('SIGTERM');
    await ended(ends);
    place.dispose();
  }
}

function lineOf(port: number, index: number): [string, object] {
  return [`box${index}`, { lines: [{ name: 'line', address: `${HOST}:${port}` }] }];
}

async function untilLive(parts: {
  readonly client: TelemetryClient;
  readonly central: ChildProcess;
  readonly gateways: number;
  readonly samples: number;
  readonly progress: Progress;
}) {
  const { client, central, gateways, samples, progress } = parts;
  const pid = central.pid ?? 0;
  for (const limit = performance.now() + LIMIT_MS; ; await delay(LOOK_MS)) {
    const status = await client.status().catch(() => undefined);
    if (status !== undefined) {
      const found = tally(status);
      progress(`${found.running} of ${gateways} boxes have a line, ${found.samples} of ${samples} samples are kept`);
      if (found.running === gateways && found.samples >= samples) {
        const refused = found.refused + Math.abs(samples - found.samples);
        return { refused, failures: found.failures, peakMb: peakMiB(pid) * 1.048576, cpuS: cpuSeconds(pid) };
      }
    }
    if (central.exitCode !== null) throw new Error(`central ended with ${central.exitCode}`);
    if (performance.now() > limit) throw new Error(`not all are live after ${LIMIT_MS / 1e3} s`);
  }
}

/** What the status of central says of its lines; codes of failures other than of connecting are refusals. */
function tally({ sources }: GatewayStatus) {
  let [running, samples, refused, failures] = [0, 0, 0, 0];
  for (const { kind, state, samples: kept, errors, dropped } of sources) {
    if (kind !== 'pull') continue;
    if (state === 'running') running += 1;
    samples += kept;
    refused += dropped;
    for (const [code, count] of Object.entries(errors)) {
      if (code === 'central-unreachable') failures += count;
      else refused += count;
    }
  }
  return { running, samples, refused, failures };
}

async function nextWord(words: AsyncIterator<string>): Promise<EndsWord> {
  const { value, done } = await words.next();
  if (done === true) throw new Error('the boxes ended');
  return JSON.parse(value) as EndsWord;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGKILL');
  });
}

/** The most memory that a process ever held. */
function peakMiB(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;
}
