/**
 * The serve thread: dashboard, HTTP, WebSocket and gRPC over read-only connections. However slow a query or a viewer is,
 * it costs the threads that take in and store samples nothing.
 */

import type { Socket } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import type { TLSSocket } from 'node:tls';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { startDashboard } from '../../dashboards/server/dashboard.ts';
import { parseAddress } from '../../sync/api/address.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { BoxSync } from '../../sync/destinations/box-sync.ts';
import { configPermission } from '../../sync/destinations/config-permission.ts';
import { DestinationPolicy } from '../../sync/destinations/destination-policy.ts';
import { PassedOverBook } from '../../sync/destinations/passed-over-book.ts';
import { receiptDesk } from '../../sync/destinations/receipt-desk-of.ts';
import type { WireMeter } from '../../sync/line/wire-meter.ts';
import { Depot } from '../../sync/relay/depot.ts';
import type { HandOver } from '../../sync/relay/hand-over.ts';
import { openHandOvers } from '../../sync/relay/open-hand-overs.ts';
import type { RelaySettings } from '../../sync/relay/relay-config.ts';
import { LineDialer } from '../../sync/reverse/line-dialer.ts';
import type { Caller } from '../../sync/trust/callers.ts';
import { openKeptTrust } from '../../sync/trust/kept-trust.ts';
import { ConnectionBook } from '../../sync/usage/connection-book.ts';
import { ownerRules } from '../../sync/usage/owners.ts';
import { storedBytes } from '../../sync/usage/stored-bytes.ts';
import { TrafficBook } from '../../sync/usage/traffic-book.ts';
import type { UsageConfig } from '../../sync/usage/usage-config.ts';
import { UsageDb } from '../../sync/usage/usage-db.ts';
import { SessionDesk, type SessionWish } from '../analysis/sessions/session-desk.ts';
import type { SessionRecord } from '../analysis/sessions/session-records.ts';
import { BoxClock } from '../clock.ts';
import type { ConfigAnswer, ConfigRequest } from '../config/offer/offer.ts';
import { CaissonError, messageOf } from '../errors.ts';
import { earlierCycles, sumsOver } from '../query/cycle-answers.ts';
import { NoTelemetry } from '../query/no-telemetry.ts';
import { sessionsOf } from '../query/sessions.ts';
import { StoreTelemetry } from '../query/store-telemetry.ts';
import type { GatewayStatus, SecurityStatus } from '../status.ts';
import { BlockReader } from '../store/block-reader.ts';
import { PASSED_OVER_KEY, passedOverOf } from '../store/passed-over.ts';
import { storePaths } from '../store/store-dir.ts';
import { MainQuestions } from './main-questions.ts';
import type { CyclesAnswer, CyclesQuestion, FromServe, ServeThreadData, ToServe } from './serve-messages.ts';

const DAY_MS = 86_400_000;

/** How long work that nobody waits for rests between two slices. */
const BREATH_MS = 5;

/** Pages cached for the feed that centrals follow: it reads each block once. */
const FEED_CACHE_KIB = 1024;

async function serve(port: MessagePort, data: ServeThreadData): Promise<void> {
  let { status, utcOffset } = data;
  const say = (message: FromServe) => port.postMessage(message);
  const clock = new BoxClock(data.clock);
  const utcNow = () => clock.now() + utcOffset;
  const onProblem = (text: string) => say({ kind: 'problem', text });
  const store = data.storeDir === undefined ? undefined : openStore(data.storeDir, onProblem);
  const dialers: LineDialer[] = [];
  const depot = data.relay && openDepot(data.relay, () => utcNow() / 1e3, onProblem);
  let handOvers: ReadonlyMap<string, HandOver> = new Map();
  let security: () => SecurityStatus | undefined = () => undefined;
  let sync: BoxSync | undefined;
  const present = (): GatewayStatus => {
    const secure = security();
    const relay = depot?.status();
    const handovers = [...handOvers.values()].map((each) => each.status());
    const uplinks = dialers.map((dialer) => dialer.status());
    return {
      ...status,
      ...(secure !== undefined && { security: secure }),
      ...(uplinks.length > 0 && { uplinks }),
      ...sync?.status(),
      ...(relay !== undefined && { relay }),
      ...(handovers.length > 0 && { handovers }),
    };
  };
  const configs = new MainQuestions<ConfigRequest, ConfigAnswer>('the config', (id, request) =>
    say({ kind: 'config', id, request }),
  );
  const kept = new MainQuestions<readonly SessionRecord[], string | undefined>('sessions', (id, records) =>
    say({ kind: 'sessions', id, records }),
  );
  const sessions =
    store &&
    new SessionDesk({
      sessions: () => sessionsOf(store.telemetry, status.gateway),
      keep: async (records) => {
        const problem = await kept.ask(records);
        if (problem !== undefined) throw new CaissonError('store-failed', problem, { retryable: true });
      },
      utcNow,
    });
  const dashboard = await startDashboard({
    ...data.dashboard,
    telemetry: store?.telemetry ?? new NoTelemetry(),
    isStale: (channel) => data.freshness[channel] !== 1,
    status: present,
    webRoot: data.webRoot,
    utcNow,
  });
  // With a socket of uWebSockets.js open, the end of this thread would be the end of the process.
  process.once('exit', () => dashboard.stop());
  const policy = new DestinationPolicy(data.destinations);
  const passedOver =
    store &&
    new PassedOverBook({
      ...{ store: store.feed, policy, kept: passedOverOf(store.feed.meta(PASSED_OVER_KEY)) },
      onChanged: (record) => say({ kind: 'passed-over', record }),
    });
  const receipts =
    store &&
    receiptDesk(store.feed, data.destinations, {
      gateway: () => status.gateway,
      onConfirmed: (central, acknowledged) => {
        passedOver?.note(central, acknowledged.position);
        say({ kind: 'acknowledged', central, acknowledged });
      },
      onProblem: (text) => say({ kind: 'problem', text }),
    });
  sync = store && receipts && new BoxSync({ store: store.feed, destinations: () => receipts.status(utcNow()), policy });
  const trust =
    store === undefined || data.grpc.identity === undefined
      ? undefined
      : openKeptTrust(data.grpc.identity, { role: 'gateway', name: status.gateway }, onProblem);
  const connections = new ConnectionBook();
  const usage = store && openUsage(store, data.usage, connections, utcNow);
  const server =
    store === undefined
      ? undefined
      : await startTelemetryServer({
          ...data.grpc,
          ...store,
          ...{ policy, passedOver },
          ...(receipts && {
            acknowledge: (word) => {
              const answer = receipts.take(word);
              if (answer.refused === '') sync?.told(word.follower, utcNow());
              return answer;
            },
          }),
          // Whoever asks for the present wants it to the moment: the last seconds of a range depend on it.
          status: () => ({ ...present(), now: utcNow() }),
          ...(trust !== undefined && { secure: trust }),
          ...{ connections, usage, depot },
          ...(sessions && { takeSession: (wish: SessionWish) => sessions.take(wish) }),
          ...(data.hasConfigFile && {
            config: {
              mayAsk: configPermission(data.destinations, trust !== undefined),
              ask: (request: ConfigRequest) => configs.ask(request),
            },
          }),
          heard: (central, lines) => {
            sync?.heard(central, utcNow(), lines);
            handOvers.get(central)?.heard();
            say({ kind: 'heard', central });
          },
        });
  if (store !== undefined && receipts !== undefined && usage !== undefined) {
    handOvers = openHandOvers(data.destinations, {
      ...{ storeDir: store.storeDir, store: store.feed, receipts, passedOver, identity: trust?.identity },
      ...{ gateway: () => status.gateway, utcMs: () => utcNow() / 1e3, onProblem },
      ...{ spentDays: usage.spentDays, follow: usage.follow },
    });
    for (const handOver of handOvers.values()) handOver.start();
  }
  security = () => server?.secure?.status();
  if (trust !== undefined && server !== undefined) {
    const serve = (line: TLSSocket, caller: Caller, raw: Socket) => server.secure?.take(line, caller, raw);
    const options = { identity: trust.identity, serve, utcNow };
    dialers.push(...data.dial.map((address) => new LineDialer({ ...options, address: parseAddress(address) })));
    for (const dialer of dialers) dialer.start();
  }
  say({ kind: 'listening', httpPort: dashboard.port, grpcPort: server?.port ?? 0 });

  port.on('message', (message: ToServe) => {
    if (message.kind === 'status') ({ status, utcOffset } = message);
    else if (message.kind === 'config') configs.answered(message.id, message.answer);
    else if (message.kind === 'sessions') kept.answered(message.id, message.problem);
    else if (message.kind === 'cycles') void answerOfCycles(message.id, message.question);
    else if (message.kind === 'crash') throw new Error('it was told to');
    else void stop();
  });

  async function answerOfCycles(id: number, question: CyclesQuestion): Promise<void> {
    if (store === undefined) return;
    const { telemetry } = store;
    const answer = async (): Promise<CyclesAnswer> => {
      if (question.asks === 'sums') return { sums: await sumsOver(telemetry, status.gateway, question.of, breath) };
      const { before, cycles } = question;
      return { earlier: earlierCycles(telemetry, status.gateway, cycles, { before, now: utcNow() }) };
    };
    say({ kind: 'cycles', id, answer: await answer().catch((error) => ({ failed: messageOf(error) })) });
  }

  async function stop(): Promise<void> {
    port.close();
    dashboard.stop();
    await Promise.all([...dialers, ...handOvers.values()].map((each) => each.stop()));
    await trust?.close();
    await server?.stop();
    usage?.close();
    store?.telemetry.close();
    store?.feed.close();
  }
}

interface ServedStore {
  readonly telemetry: StoreTelemetry;
  readonly feed: BlockReader;
  readonly storeDir: string;
}

/** Lets viewers and queries be served between two slices of work. */
function breath(): Promise<void> {
  return new Promise((done) => setTimeout(done, BREATH_MS));
}

/** What lines carry, kept beside the store. */
function openUsage(
  store: Pick<ServedStore, 'feed' | 'storeDir'>,
  config: UsageConfig,
  connections: ConnectionBook,
  utcNow: () => number,
) {
  const db = UsageDb.open(join(store.storeDir, 'usage.db'));
  const book = new TrafficBook({ db, utcMs: () => utcNow() / 1e3, drain: () => connections.drain() });
  return {
    owners: ownerRules(config),
    spentDays: (peer: string, line: string) => db.spentDays(peer, line),
    follow: (peer: string, line: string, meter: WireMeter) => book.follow(() => peer, line, meter),
    rows: (from: number, to: number) => book.rows(from, to),
    stored: async () => storedBytes(store.feed.gatewayBytes()),
    close: () => {
      book.close();
      db.close();
    },
  };
}

function openDepot(config: RelaySettings, utcMs: () => number, onProblem: (text: string) => void): Depot | undefined {
  const { dir, maxMb, filesPerSender, freeMb, keepDays, for: centrals } = config;
  if (dir === undefined) return undefined;
  const limits = { bytesMax: maxMb * 1e6, filesPerSender, freeBytes: freeMb * 1e6, keepMs: keepDays * DAY_MS };
  return new Depot({ dir, ...limits, centrals, utcMs, onProblem });
}

function openStore(storeDir: string, onProblem: (text: string) => void): ServedStore {
  const telemetry = StoreTelemetry.open(storeDir, onProblem);
  return { telemetry, feed: BlockReader.openReadonly(storePaths(storeDir).blocks, FEED_CACHE_KIB), storeDir };
}

if (parentPort !== null) await serve(parentPort, workerData as ServeThreadData);
