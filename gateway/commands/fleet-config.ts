import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { requireCentralFolder } from '../../sync/central/central-folder.ts';
import { type ConfigOffer, OfferFolder, type OfferResult } from '../../sync/fleet/offer-folder.ts';
import { WATCH_S } from '../config/offer/offer.ts';
import { messageOf } from '../errors.ts';
import { counted } from '../quantity-text.ts';
import { BlockReader } from '../store/block-reader.ts';
import { storePaths } from '../store/store-dir.ts';
import { durationFromText } from '../utc-text.ts';
import { conclude, EXIT_FAILED, interrupted, Output, UsageError } from './outcome.ts';

/** How long an offer waits for its box, unless said otherwise; and for a question that somebody waits for. */
const OFFER_LIFE = '7d';
const QUESTION_LIFE = '60s';

/** How long nothing is said while there is no answer, milliseconds. */
const SILENT_MS = 3000;

/** Time between two looks for answers, milliseconds. */
const LOOK_MS = 200;

interface Options {
  readonly data: string;
  readonly json?: boolean;
}

interface PushOptions extends Options {
  readonly config: string;
  readonly dryRun?: boolean;
  readonly watch: string;
  readonly for: string;
  readonly wait: boolean;
}

/** Adds the commands that see and change the config of boxes, on the machine of their central. */
export function addConfigCommands(fleet: Command): void {
  fleet
    .command('config')
    .description('at central: print the config of a box, without its secrets')
    .argument('<box>', 'name of the box')
    .requiredOption('--data <dir>', 'folder of the central, which runs')
    .option('--json', 'one JSON object')
    .action((box: string, options: Options) => conclude(() => showConfig(box, options)));
  fleet
    .command('push')
    .description('at central: offer boxes another config; each tries it, and returns where its data is worse off')
    .argument('<boxes...>', 'names, or patterns such as pit-*')
    .requiredOption('--data <dir>', 'folder of the central, which runs')
    .requiredOption('--config <file>', 'YAML: sections that stand in the place of those that run; others stay')
    .option('--dry-run', 'only say what would change')
    .option('--watch <time>', `how long data is watched, ${WATCH_S.least}s to ${WATCH_S.most}s`, `${WATCH_S.usual}s`)
    .option('--for <time>', 'how long to wait for a box that is not reached', OFFER_LIFE)
    .option('--no-wait', 'do not wait for what becomes of it: central goes on by itself')
    .option('--json', 'a JSON object a box')
    .addHelpText(
      'after',
      `
A box takes offers where its own caisson.yaml says so: destinations.NAME.config: enrolled. Its identity, its destinations and its
secrets are its own: what shows as '(kept on the box)' stays.

Examples:
  caisson fleet config pit-12 --data ./central > pit-12.yaml
  caisson fleet push pit-12 --data ./central --config pit-12.yaml --dry-run
  caisson fleet push 'pit-*' --data ./central --config sources.yaml --watch 5m`,
    )
    .action((boxes: string[], options: PushOptions) => conclude(() => push(boxes, options)));
}

async function showConfig(box: string, { data, json }: Options): Promise<void> {
  const folder = folderOf(data);
  const [id = ''] = make(folder, [box], { kind: 'show', yaml: '', dryRun: true, watchS: 0 }, QUESTION_LIFE);
  const result = await finished(folder, { id, box, stop: interrupted() });
  if (result?.answer === undefined) return fail(box, result);
  const { yaml } = result.answer;
  await new Output().write(json === true ? `${JSON.stringify(result.answer)}\n` : yaml);
}

async function push(patterns: readonly string[], options: PushOptions): Promise<void> {
  const folder = folderOf(options.data);
  const boxes = boxesOf(options.data, patterns);
  const watchUs = durationFromText(options.watch) ?? Number.NaN;
  const watchS = Math.round(watchUs / 1e6);
  if (!(watchS >= WATCH_S.least && watchS <= WATCH_S.most)) {
    throw new UsageError(`--watch is '${options.watch}', expected ${WATCH_S.least}s to ${WATCH_S.most}s`);
  }
  const offer = { kind: 'offer', yaml: textOf(options.config), dryRun: options.dryRun === true, watchS } as const;
  const ids = make(folder, boxes, offer, options.for);
  const stop = interrupted();
  const out = new Output();
  for (const [index, id] of options.wait ? ids.entries() : []) {
    const box = boxes[index] ?? '';
    const result = await finished(folder, { id, box, stop });
    if (result?.answer === undefined) fail(box, result);
    else if (result.answer.state === 'refused' || result.answer.state === 'returned') process.exitCode = EXIT_FAILED;
    if (result === undefined) return;
    await out.write(options.json === true ? `${JSON.stringify({ box, ...result })}\n` : resultText(box, result));
  }
  if (!options.wait) process.stderr.write(`${counted(boxes.length, 'box', 'boxes')} to be offered it when reached\n`);
}

/** @throws CaissonError `store-unusable` */
function folderOf(data: string): OfferFolder {
  requireCentralFolder(data);
  return new OfferFolder(data);
}

/** Names as they are given, and of patterns those that central has data of. @throws UsageError */
function boxesOf(data: string, patterns: readonly string[]): string[] {
  const isPattern = (text: string) => text.includes('*');
  const known = patterns.some(isPattern) ? gatewaysIn(data) : [];
  const boxes = patterns.flatMap((pattern) => {
    if (!isPattern(pattern)) return [pattern];
    const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    const found = known.filter((name) => new RegExp(`^${parts.join('.*')}$`).test(name));
    if (found.length === 0) throw new UsageError(`no box of ${data} is called ${pattern}`);
    return found;
  });
  return [...new Set(boxes)];
}

function gatewaysIn(data: string): string[] {
  const reader = BlockReader.openReadonly(storePaths(data).blocks);
  try {
    return [...new Set(reader.boots().map(({ gateway }) => gateway))].sort();
  } finally {
    reader.close();
  }
}

function make(
  folder: OfferFolder,
  boxes: readonly string[],
  offer: Pick<ConfigOffer, 'kind' | 'yaml' | 'dryRun' | 'watchS'>,
  life: string,
): string[] {
  const lifeUs = durationFromText(life);
  if (lifeUs === undefined) throw new UsageError(`--for is '${life}', expected a time such as 10m or 7d`);
  const made = Date.now() * 1e3;
  const by = `${userInfo().username}@${hostname()}`;
  return boxes.map((gateway, index) => {
    // Names sort by the time at which they were made.
    const id = `${made}-${String(index).padStart(5, '0')}-${randomBytes(4).toString('hex')}`;
    folder.make({ ...offer, id, gateway, by, made, expires: made + lifeUs });
    return id;
  });
}

/** What became of a question or an offer; undefined where somebody did not wait for it. Says that it waits where that takes a while. */
async function finished(
  folder: OfferFolder,
  { id, box, stop }: { readonly id: string; readonly box: string; readonly stop: AbortSignal },
): Promise<OfferResult | undefined> {
  const begun = performance.now();
  for (let isSaid = false; !stop.aborted; ) {
    const result = folder.result(id);
    if (result?.isDone === true) return result;
    if (!isSaid && performance.now() - begun > SILENT_MS) {
      isSaid = true;
      process.stderr.write(
        `${box}: waiting for the central of that folder, which must run, and for a line to the box\n`,
      );
    }
    await pause(LOOK_MS, undefined, { signal: stop }).catch(() => {});
  }
  return undefined;
}

function fail(box: string, result: OfferResult | undefined): void {
  process.exitCode = EXIT_FAILED;
  if (result === undefined) process.stderr.write(`${box}: still waiting; central goes on by itself\n`);
  else process.stderr.write(`${box}: ${result.problem ?? 'no answer'}\n`);
}

function resultText(box: string, { answer }: OfferResult): string {
  if (answer === undefined) return '';
  const lines = [`${box}: ${answer.state}${answer.why === '' ? '' : `: ${answer.why}`}`];
  for (const { path, before, after } of answer.changes) {
    lines.push(`  ${path}${before === undefined ? '' : `  - ${before}`}${after === undefined ? '' : `  + ${after}`}`);
  }
  if (answer.state === 'fits')
    lines.push(
      ...answer.plan
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    );
  return `${lines.join('\n')}\n`;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`--config: ${messageOf(cause)}`, { cause });
  }
}
