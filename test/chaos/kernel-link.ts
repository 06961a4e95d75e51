/**
 * What runs in a machine with two network namespaces, in that of the box: a gateway takes in messages while a central in the other
 * one has its blocks over mTLS, and the link between them, which the kernel delays, narrows and loses packets of, gets worse, is cut and comes
 * back. The argument says who dials: `central` or `box`. Prints what became of it, as JSON: see LinkReport.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { freePort } from '../free-port.ts';
import { eventually } from '../scenarios/eventually.ts';
import { GatewayChild } from '../scenarios/gateway-child.ts';
import { keptValues } from '../scenarios/kept-values.ts';
import { faultsOf, Qos1Publisher } from '../scenarios/qos1-publisher.ts';
import { BlockCount } from '../sync/block-count.ts';
import { CaissonProcess, caisson } from '../sync/caisson-process.ts';
import { blocksOf, gapsOf } from '../sync/same-feed.ts';

const BOX = '10.77.0.1';
const CENTRAL = '10.77.0.2:7444';
const PORT = 7443;

/** Blocks that are to come to central in each state of the link. */
const BLOCKS = 4;

/** How many messages are taken in while the link is down. */
const CUT_MESSAGES = 400;

/** Messages that one publisher has on their way. */
const INFLIGHT = 5;

export interface LinkReport {
  /** Blocks at central at the end of each state of the link, by its name. */
  readonly blocks: Readonly<Record<string, number>>;
  /** Messages acknowledged by the box. */
  readonly acknowledged: number;
  /** Those of them that central lacks in the end, and those that it has twice. */
  readonly missing: readonly number[];
  readonly twice: readonly number[];
  /** Whether central has the box's blocks from the first on, byte for byte, and how many of how many. */
  readonly isBeginning: boolean;
  readonly here: number;
  readonly there: number;
  /** Gaps of each that the other end does not tell of. */
  readonly gaps: readonly string[];
}

const [who = 'central'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'caisson-link-'));
const [boxDir, centralDir, authority, identity, passphrase] = ['box', 'central', 'authority', 'identity', 'word'].map(
  (name) => join(folder, name),
) as [string, string, string, string, string];
writeFileSync(passphrase, 'correct horse battery');

const known = ['--authority', authority, '--passphrase-file', passphrase, '--name', 'hub'];
const pull = who === 'central' ? ['--pull', `car@${BOX}:${PORT}`] : [];
const args = ['central', '--data', centralDir, '--listen', CENTRAL, ...known, ...pull];
const central = new CaissonProcess(args, ['ip', 'netns', 'exec', 'dc']);
await central.said('central answers on ');
const invited = await caisson('invite', 'car', '--authority', authority, '--central', CENTRAL);
const enrolled = await caisson('enroll', invited.stdout.trim(), '--identity', identity);
if (enrolled.code !== 0) throw new Error(enrolled.stderr);

const mqttPort = await freePort();
const gateway = await GatewayChild.start({
  folder,
  config: {
    gateway: { id: 'car' },
    store: { dir: boxDir, blockAgeSeconds: 1, mergeBlocks: false },
    dashboard: { port: 0 },
    grpc: { host: BOX, port: PORT, identity },
    ...(who === 'box' && { central: { dial: [CENTRAL] } }),
    sources: { load: { type: 'mqtt', port: mqttPort } },
  },
});
const publisher = new Qos1Publisher(mqttPort, 'link', INFLIGHT);
const arrived = await eventually('central has a store', () => openCount(centralDir));
const blocks: Record<string, number> = {};

await come('as it began');
for (const end of ['box', 'dc']) shape(end, 'delay 300ms 40ms loss 10% rate 256kbit');
await come('slow, thin and losing packets');
execFileSync('ip', ['-n', 'box', 'link', 'set', 'eth0', 'down']);
const before = publisher.acknowledged.size;
await eventually('messages are taken in', () => publisher.acknowledged.size >= before + CUT_MESSAGES);
blocks.cut = arrived.now();
execFileSync('ip', ['-n', 'box', 'link', 'set', 'eth0', 'up']);
for (const end of ['box', 'dc']) shape(end, 'delay 20ms reorder 5% duplicate 2% corrupt 0.5% rate 2mbit');
await come('back, with packets twice, out of order and corrupt');
await publisher.finish();
await eventually(
  'all that was acknowledged is at central',
  () => valuesOf(centralDir).size >= publisher.acknowledged.size,
);
blocks['at the end'] = arrived.now();
arrived.close();
await gateway.stop();
await central.kill('SIGTERM');

const [here, there] = [boxDir, centralDir].map(read) as [Held, Held];
const { missing, twice } = faultsOf(publisher.acknowledged, there.values);
const report: LinkReport = {
  blocks,
  acknowledged: publisher.acknowledged.size,
  missing,
  twice,
  isBeginning: there.blocks.every((block, i) => block === here.blocks[i]),
  here: here.blocks.length,
  there: there.blocks.length,
  gaps: there.gaps.filter((gap) => !here.gaps.includes(gap)),
};
process.stdout.write(`${JSON.stringify(report)}\n`);

/** What a closed store has of the gateway. */
interface Held {
  readonly values: readonly number[];
  readonly blocks: readonly string[];
  readonly gaps: readonly string[];
}

function read(dir: string): Held {
  const db = BlockReader.openReadonly(storePaths(dir).blocks);
  const telemetry = StoreTelemetry.open(dir);
  try {
    const blocks = blocksOf(db, 'car').map(({ identity: of, bytes }) => `${of} ${bytes}`);
    return { blocks, gaps: gapsOf(db, 'car'), values: keptValues(telemetry, 'load/link') };
  } finally {
    telemetry.close();
    db.close();
  }
}

/** The values that a store has, also while it is filled. */
function valuesOf(dir: string): ReadonlySet<number> {
  const telemetry = StoreTelemetry.open(dir);
  try {
    return new Set(keptValues(telemetry, 'load/link'));
  } finally {
    telemetry.close();
  }
}

/** Undefined while there is no store. */
function openCount(dir: string): BlockCount | undefined {
  try {
    return new BlockCount(dir);
  } catch {
    return undefined;
  }
}

function shape(end: string, netem: string): void {
  execFileSync('tc', ['-n', end, 'qdisc', 'change', 'dev', 'eth0', 'root', 'netem', ...netem.split(' ')]);
}

/** Waits until more blocks have come to central, and notes how many are there. */
async function come(state: string): Promise<void> {
  const from = arrived.now();
  await eventually(`blocks come, ${state}`, () => arrived.now() >= from + BLOCKS);
  blocks[state] = arrived.now();
}
