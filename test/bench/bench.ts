/**
 * `npm run --silent bench -- NAME [--json]` measures one part and prints named figures; without a name it lists them.
 * Progress goes to stderr, figures to stdout, with `--json` nothing but them. The method of each bench stands at the head
 * of its file. The exit code tells whether the bench could be run and gave right answers, not whether targets were met:
 * that is for who knows the machine.
 */
import process from 'node:process';
import { messageOf } from '../../gateway/errors.ts';
import { carBench } from './car-bench.ts';
import type { Bench } from './figure.ts';
import { machine } from './machine.ts';
import { queryBench } from './query-bench.ts';
import { recoveryBench } from './recovery-bench.ts';
import { jsonReport, textReport } from './report.ts';
import { ringBench } from './ring-bench.ts';
import { storeBench } from './store-bench.ts';

const BENCHES: Readonly<Record<string, Bench>> = {
  ring: ringBench,
  store: storeBench,
  query: queryBench,
  recovery: recoveryBench,
  car: carBench,
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
  try {
    const on = machine();
    const findings = await bench.run((text) => process.stderr.write(`bench ${name}: ${text}\n`));
    process.stdout.write(json ? jsonReport(findings, on) : textReport(findings, on));
  } catch (error) {
    process.stderr.write(`bench ${name}: ${messageOf(error)}\n`);
    process.exitCode = EXIT_FAILED;
  }
}

function listing(): string {
  const width = Math.max(...Object.keys(BENCHES).map((name) => name.length));
  return Object.entries(BENCHES)
    .map(([name, { about }]) => `${name.padEnd(width)}  ${about}\n`)
    .join('');
}

await main(process.argv.slice(2));
