import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { Command } from 'commander';
import { type Dashboard, startDashboard } from '../../dashboards/server/dashboard.ts';
import { type Address, formatAddress } from '../../sync/api/address.ts';
import {
  type Central,
  type CentralOptions,
  type PullAddress,
  type StorePlace,
  startCentral,
} from '../../sync/central/central.ts';
import { courierKey } from '../../sync/courier/courier-key.ts';
import { NATS_DEFAULTS, type NatsOptions } from '../../sync/fanout/nats-options.ts';
import { keyText } from '../../sync/receipts/kept-key.ts';
import type { CentralTrustOptions } from '../../sync/trust/central-trust.ts';
import { requireHost } from '../../sync/trust/peer-name.ts';
import { GATEWAY_ID } from '../config/gateway-config.ts';
import { messageOf } from '../errors.ts';
import { FollowedFreshness } from '../followed-freshness.ts';
import { counted } from '../quantity-text.ts';
import { whenStoreIsThere } from './await-store.ts';
import { readRetentionFile, showRetentionPlan } from './central-retention.ts';
import { readGatewaysFile } from './gateways-file.ts';
import { conclude, interrupted, UsageError } from './outcome.ts';
import { parseServer } from './server-address.ts';
import { caissonVersion } from './version.ts';
import { WEB_ROOT } from './web-root.ts';

/** Time between two looks for channels that went quiet. */
const FRESHNESS_INTERVAL_MS = 1000;

/** Holds the passphrase of the authority's key. */
const PASSPHRASE = 'CAISSON_AUTHORITY_PASSPHRASE';
const LEASE_SECONDS = '30';
const LEASE_MS_MIN = 1_000;
const LEASE_MS_MAX = 3_600_000;

interface Options {
  readonly data?: string;
  readonly store?: string;
  readonly lease?: string;
  readonly name?: string;
  readonly listen: string;
  readonly pull?: readonly string[];
  readonly gateways?: string;
  readonly authority?: string;
  readonly passphraseFile?: string;
  readonly host?: readonly string[];
  readonly identity?: string;
  readonly http?: string;
  readonly drills?: readonly string[];
  readonly nats?: string;
  readonly natsRegion?: string;
  readonly natsReplicas: string;
  readonly natsCredentials?: string;
  readonly natsCa?: string;
  readonly natsCert?: string;
  readonly natsKey?: string;
  readonly retention?: string;
  readonly retentionPlan?: boolean;
  readonly merge: boolean;
  readonly json?: boolean;
}

export function registerCentral(program: Command): void {
  program
    .command('central')
    .option('--data <dir>', 'directory of the store, made if it is not there; with --store: of the key of its receipts')
    .option('--store <url>', 'keep all in this PostgreSQL instead, with any number of such processes; needs --name')
    .option(
      '--lease <seconds>',
      'with --store: how long a gateway stays with a process that is gone, 1 to 3600 (default: 30)',
    )
    .option('--name <name>', 'its name, as gateways that wait for it have it in `store.retention.centrals`')
    .option(
      '--listen <host:port>',
      'address to answer on, of this machine only unless there are certificates',
      '127.0.0.1:7444',
    )
    .option('--authority <dir>', 'be the authority that gateways enrol at; its folder, made if it is not there')
    .option('--passphrase-file <file>', `file with the passphrase of its key, or ${PASSPHRASE} in the environment`)
    .option('--host <name...>', 'names and addresses by which it is dialled, for tools that check them')
    .option('--identity <dir>', 'folder of `caisson enroll`, where another central is the authority')
    .option('--http <host:port>', 'also serve the dashboard and the HTTP API here, of this machine only')
    .option('--drills <dir...>', 'folders of `caisson drill restore`, to be shown in the status')
    .option('--nats <urls>', 'cluster of NATS that its processes tell each other over: nats://a:4222,nats://b:4222')
    .option('--nats-region <region>', 'where that cluster stands, for channels that may go to some regions only')
    .option('--nats-replicas <n>', 'servers of the cluster that keep each message, 1, 3 or 5', '3')
    .option(
      '--nats-credentials <file>',
      'JWT with its key, seed of an nkey, or token for it; beyond this machine it needs tls:// and this, or a certificate',
    )
    .option('--nats-ca <file>', 'certificates that those of its servers are signed with')
    .option('--nats-cert <file>', 'certificate to show there')
    .option('--nats-key <file>', 'key of that certificate')
    .option('--retention <file>', 'rules and limits for what of the past it keeps; without it, everything')
    .option('--retention-plan', 'say what those would give up now, change nothing, and end')
    .option('--json', 'with --retention-plan: as JSON')
    .option('--no-merge', 'leave small packs of past days as they came')
    .option('--pull <[name@]host:port...>', 'gateways, or other centrals, to pull from')
    .option('--gateways <file>', 'gateways to pull from, each over several lines with budgets, windows and caps')
    .addHelpText(
      'after',
      `
Examples:
  caisson central --data /var/lib/caisson-central --pull 127.0.0.1:7443
  caisson central --data ./central --listen 127.0.0.1:7444 --pull 127.0.0.1:7443 127.0.0.1:7453
  caisson central --data ./central --http 127.0.0.1:8090 --pull 127.0.0.1:7443
  caisson central --data ./central --name hub --authority ./authority --listen 0.0.0.0:7444 --pull car7@10.0.0.5:7443
  caisson central --store postgres://caisson@db.local/caisson --name hq --pull 127.0.0.1:7443 127.0.0.1:7453
  caisson central --store postgres://caisson@db.local/caisson --name hq --nats nats://127.0.0.1:4222,nats://127.0.0.1:4223
  caisson central --data ./central --gateways gateways.yaml
  caisson central --data ./central --retention retention.yaml --retention-plan`,
    )
    .action((options: Options) => conclude(() => run(options)));
}

async function run(options: Options): Promise<void> {
  const listen = parseServer(options.listen);
  const http = options.http === undefined ? undefined : parseServer(options.http);
  const pull = (options.pull ?? []).map(parsePull);
  refuseTwice(pull);
  const hasCertificates = options.authority !== undefined || options.identity !== undefined;
  const gateways = options.gateways === undefined ? undefined : readGatewaysFile(options.gateways, hasCertificates);
  const store = storeOf(options);
  const retention = options.retention === undefined ? undefined : readRetentionFile(options.retention);
  if (options.retentionPlan === true) {
    if (retention === undefined) throw new UsageError('--retention-plan needs the rules: --retention FILE');
    await showRetentionPlan(store, retention, options.json === true);
    return;
  }
  const stop = interrupted();
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const central = await centralOf(
    {
      ...listen,
      ...store,
      pull,
      gateways,
      trust: trustOf(options),
      nats: natsOf(options),
      retention,
      mergesBlocks: options.merge,
      name: options.name,
      version: caissonVersion(),
      vaults: options.drills ?? [],
      onProblem: say,
    },
    stop,
  );
  if (central === undefined) return;
  const count = pull.length + Object.keys(gateways?.gateways ?? {}).length;
  say(
    `central answers on ${formatAddress({ host: listen.host, port: central.port })}, pulls from ${counted(count, 'gateway')}`,
  );
  const dashboard = http === undefined ? undefined : await serveHttp(central, http);
  if (dashboard !== undefined)
    say(`dashboard http://${formatAddress({ host: http?.host ?? '', port: dashboard.port })}`);
  const { name, receiptKey } = central;
  if (receiptKey !== undefined) say(`central ${name} signs receipts with ${receiptKey}`);
  if (options.data !== undefined) {
    say(`courier files for ${name} are encrypted to ${keyText(courierKey(options.data), 'x25519')}`);
  }
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  dashboard?.stop();
  await central.stop();
}

/** Undefined where it was told to stop before its store was there. */
async function centralOf(options: CentralOptions, stop: AbortSignal): Promise<Central | undefined> {
  const { onProblem = () => {} } = options;
  try {
    return await whenStoreIsThere(() => startCentral(options), onProblem, stop);
  } catch (error) {
    if (stop.aborted) return undefined;
    throw error;
  }
}

/** The cluster that it tells its news; undefined: none. @throws UsageError */
function natsOf(options: Options): NatsOptions | undefined {
  const { nats, natsCredentials: credentials, natsCa: ca, natsCert: cert, natsKey: key, natsRegion: region } = options;
  if (nats === undefined) return undefined;
  const replicas = Number(options.natsReplicas);
  if (![1, 3, 5].includes(replicas)) {
    throw new UsageError(`--nats-replicas is '${options.natsReplicas}', expected 1, 3 or 5`);
  }
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('give both --nats-cert and --nats-key');
  const servers = nats.split(',').filter((server) => server !== '');
  return { ...NATS_DEFAULTS, servers, replicas, credentials, ca, cert, key, region };
}

/** By what it is known. @throws UsageError */
function trustOf({ authority, passphraseFile, host = [], identity }: Options): CentralTrustOptions | undefined {
  if (authority !== undefined && identity !== undefined)
    throw new UsageError('give --authority or --identity, not both');
  if (identity !== undefined) return { identity };
  if (authority === undefined) return undefined;
  const passphrase = passphraseFile === undefined ? process.env[PASSPHRASE] : secretIn(passphraseFile);
  if (passphrase === undefined || passphrase === '') {
    throw new UsageError(`the key of the authority needs its passphrase: --passphrase-file, or ${PASSPHRASE}`);
  }
  return { authority, passphrase, hosts: host.map(requireHost) };
}

function secretIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new UsageError(`--passphrase-file: ${messageOf(cause)}`, { cause });
  }
}

/** `HOST:PORT`, or `NAME@HOST:PORT` where nobody else may be there. */
function parsePull(text: string): PullAddress {
  const at = text.indexOf('@');
  return at < 0 ? parseServer(text) : { ...parseServer(text.slice(at + 1)), name: text.slice(0, at) };
}

/** What is pulled twice travels twice. @throws UsageError */
function refuseTwice(pull: readonly PullAddress[]): void {
  const places = pull.map(formatAddress);
  const twice = places.find((place, index) => places.indexOf(place) !== index);
  if (twice !== undefined) throw new UsageError(`--pull has ${twice} twice`);
}

/** @throws UsageError */
function storeOf({ data, store, lease, name }: Options): StorePlace {
  if (name !== undefined && !new RegExp(GATEWAY_ID).test(name)) {
    throw new UsageError(
      `--name is '${name}', expected letters, digits, '.', '-' and '_', first a letter or digit, 63 at most`,
    );
  }
  if (store === undefined) {
    if (lease !== undefined) throw new UsageError('--lease is of a database: give --store');
    if (data !== undefined) return { dir: data };
    throw new UsageError('central has no place to keep what it pulls: give --data or --store');
  }
  if (name === undefined) throw new UsageError('--store needs --name, the same for all processes of one central');
  if (!/^postgres(ql)?:\/\//.test(store)) {
    throw new UsageError(
      `--store is '${store.replace(/\/\/.*@/, '//...@')}', expected postgres://USER@HOST:PORT/DATABASE`,
    );
  }
  const leaseMs = Number(lease ?? LEASE_SECONDS) * 1e3;
  if (leaseMs >= LEASE_MS_MIN && leaseMs <= LEASE_MS_MAX) return { url: store, dir: data, leaseMs };
  throw new UsageError(`--lease is '${lease}', expected seconds, 1 to 3600`);
}

/** The dashboard of a gateway over what a central has, which is stopped where that cannot be. */
async function serveHttp(central: Central, address: Address): Promise<Dashboard> {
  const { telemetry, status, fleet } = central;
  const freshness = new FollowedFreshness(telemetry);
  const timer = setInterval(() => freshness.look(performance.now() * 1e3), FRESHNESS_INTERVAL_MS);
  const isStale = (channel: number) => freshness.isStale(channel);
  const utcNow = () => Date.now() * 1e3;
  const unfollow = () => {
    clearInterval(timer);
    freshness.stop();
  };
  try {
    const dashboard = await startDashboard({
      ...address,
      telemetry,
      status,
      fleet,
      isStale,
      webRoot: WEB_ROOT,
      utcNow,
    });
    return {
      port: dashboard.port,
      stop: () => {
        unfollow();
        dashboard.stop();
      },
    };
  } catch (error) {
    unfollow();
    await central.stop();
    throw error;
  }
}
