/**
 * `npm run --silent bench -- NAME [--json]` measures one part and prints named figures; without a name it lists them.
 * Progress goes to stderr, figures to stdout, with `--json` nothing but them. The method of each bench stands at the head
 * of its file. The exit code tells whether the bench could be run and gave right answers, not whether targets were met:
 * that is for who knows the machine.
 */
import process from 'node:process';
import { messageOf } from '../../gateway/errors.ts';
import { type DebianTool, installMissing, missingText } from '../debian.ts';
import type { Bench } from './figure.ts';
import { machine } from './machine.ts';
import { jsonReport, textReport } from './report.ts';

interface ListedBench {
  /** What it measures, in one sentence. */
  readonly about: string;
  /** What it holds ours against; without it: nothing that Debian has. */
  readonly peers?: readonly DebianTool[];
  load(): Promise<Bench>;
}

/** Each is loaded when it is asked for: some need much that others do not. */
const BENCHES: Readonly<Record<string, ListedBench>> = {
  ring: {
    about: 'the ring between the thread that takes samples in and the thread that stores them',
    load: async () => (await import('./ring-bench.ts')).runRing,
  },
  store: {
    about: 'the store on recorded and simulated cars: speed, CPU, bytes, acknowledgement, wear, against its peers',
    peers: ['victoria-metrics'],
    load: async () => (await import('./store-bench.ts')).runStore,
  },
  query: {
    about: 'queries: envelopes of an hour and a day, raw ranges, the first load of a dashboard, the tail',
    load: async () => (await import('./query-bench.ts')).runQuery,
  },
  recovery: {
    about: 'how soon a gateway takes in again after a kill, with a large store and a long journal',
    load: async () => (await import('./recovery-bench.ts')).runRecovery,
  },
  collectors: {
    about:
      'collectors: frames of a real car and sentences of receivers decoded into the ring, recordings read, lines over HTTP',
    peers: ['canmatrix', 'influxdb', 'mosquitto-broker'],
    load: async () => (await import('./collectors-bench.ts')).runCollectors,
  },
  sync: {
    about:
      'blocks on the wire: overhead, bytes a sample, against line protocol, use of thin and slow lines; samples kept in PostgreSQL',
    peers: ['postgresql'],
    load: async () => (await import('./sync-bench.ts')).runSync,
  },
  central: {
    about: 'central over PostgreSQL: samples kept a second, against a row a sample in the same server',
    peers: ['postgresql'],
    load: async () => (await import('./central-bench.ts')).runCentral,
  },
  cycles: {
    about: 'cycles at one car with laps: what finding them takes of the intake, and the sums of a lap of its thread',
    load: async () => (await import('./cycles-bench.ts')).runCycles,
  },
  car: {
    about: 'the gateway process at one simulated car: CPU, memory, samples taken in and lost',
    load: async () => (await import('./car-bench.ts')).runCar,
  },
};

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

async function main(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  const [name, ...more] = args.filter((arg) => arg !== '--json');
  if (name === undefined) {
    process.stdout.write(listing());
    return;
  }
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (bench === undefined || more.length > 0) {
    process.stderr.write(`bench: ${[name, ...more].join(' ')} is not one of these:\n${listing()}`);
    process.exitCode = EXIT_USAGE;
    return;
  }
  const say = (text: string) => process.stderr.write(`bench ${name}: ${text}\n`);
  try {
    const on = machine();
    requirePeers(bench.peers ?? [], say);
    const run = await bench.load();
    const findings = await run(say);
    process.stdout.write(json ? jsonReport(findings, on) : textReport(findings, on));
  } catch (error) {
    say(messageOf(error));
    process.exitCode = EXIT_FAILED;
  }
}

/** Asked first: a bench that runs for minutes is not to fail at its end. */
function requirePeers(peers: readonly DebianTool[], say: (text: string) => void): void {
  installMissing(say, peers);
  const missing = missingText(peers);
  if (missing !== undefined) throw new Error(missing);
}

function listing(): string {
  const width = Math.max(...Object.keys(BENCHES).map((name) => name.length));
  return Object.entries(BENCHES)
    .map(([name, { about }]) => `${name.padEnd(width)}  ${about}\n`)
    .join('');
}

await main(process.argv.slice(2));
