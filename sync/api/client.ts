import type { SessionWish } from '../../gateway/analysis/sessions/session-desk.ts';
import type { ConfigAnswer } from '../../gateway/config/offer/offer.ts';
import { CaissonError } from '../../gateway/errors.ts';
import type { Fleet } from '../../gateway/fleet.ts';
import type { Coverage } from '../../gateway/query/coverage/coverage.ts';
import type { Session } from '../../gateway/query/sessions.ts';
import type { SqlLimits, SqlRun } from '../../gateway/query/sql/run-sql.ts';
import type { SqlListener } from '../../gateway/query/sql/sql-meter.ts';
import type { SqlParameters } from '../../gateway/query/sql/sql-statement.ts';
import type { Envelope, Samples, StoredChannel } from '../../gateway/query/telemetry.ts';
import type { GatewayStatus, LineStatus } from '../../gateway/status.ts';
import { decodeRun, type LiveValue } from '../fanout/live-update.ts';
import type { MissedRun } from '../fanout/news.ts';
import type { SampleRun } from '../fanout/sample-run.ts';
import type { Wish } from '../fidelity/ahead-source.ts';
import { decodeConfigAnswer, decodeFleet } from '../fleet/fleet-message.ts';
import type { HeldRange } from '../receipts/held-ranges.ts';
import type { SignedReceipt } from '../receipts/receipt.ts';
import type { AcknowledgeRequestMessage, AcknowledgeResponseMessage } from './acknowledge-messages.ts';
import type { Address } from './address.ts';
import { decodeChannel } from './channel-message.ts';
import { decodeColumn } from './columns.ts';
import type { BroughtCourierMessage, CourierStartMessage } from './courier-messages.ts';
import { decodeCoverage, queryCoverage } from './coverage-message.ts';
import type { CycleMessage } from './cycle-messages.ts';
import type { DigestChunkMessage } from './digest-messages.ts';
import { decodeFeedItem } from './feed-message.ts';
import type { ConfigAnswerMessage, ListBoxesResponseMessage, OfferConfigRequestMessage } from './fleet-messages.ts';
import { GrpcCalls, type GrpcCallsOptions } from './grpc-calls.ts';
import { fromGrpcError } from './grpc-status.ts';
import { latestOf } from './latest-of.ts';
import { type ChannelAccount, wholeAccounts } from './ledger-call.ts';
import { encodeLine } from './line-message.ts';
import { decodeCycle, type ListedCycle } from './list-cycles-call.ts';
import { decodeVersion, type ListedVersion } from './list-versions-call.ts';
import type { LiveUpdateMessage } from './live-messages.ts';
import type {
  EnvelopeMessage,
  LedgerChunkMessage,
  ListChannelsResponseMessage,
  ListVersionsResponseMessage,
  PullBlocksResponseMessage,
  QueryChunkMessage,
  SamplesMessage,
  SqlChunkMessage,
} from './messages.ts';
import type { PlaceMessage } from './place-messages.ts';
import type { PullBatch } from './pull-batch.ts';
import { RelayCalls } from './relay-calls.ts';
import { piecesOf } from './send-pieces.ts';
import { decodeSession } from './session-calls.ts';
import type { SessionMessage } from './session-messages.ts';
import { encodeSqlRequest, readSqlAnswer } from './sql-answer.ts';
import { decodeStatus } from './status-message.ts';
import type { StatusMessage } from './status-messages.ts';
import type { TransferRequestMessage, TransferResponseMessage, WishResponseMessage } from './transfer-messages.ts';
import { pullTransfer, type TransferRequest } from './transfer-pull.ts';
import type { UsageReportMessage } from './usage-messages.ts';
import { encodeWish } from './wish-message.ts';

export interface TelemetryClientOptions extends GrpcCallsOptions {
  /** Whom the other end proved to be, where connections are secure: its status must say the same. */
  readonly peer?: () => Pick<GatewayStatus, 'role' | 'gateway'> | undefined;
}

export interface ChannelFilter {
  readonly gateway?: string | undefined;
  readonly names?: readonly string[];
}

export interface CycleFilter {
  readonly gateway?: string | undefined;
  /** Kind of cycle. */
  readonly name?: string | undefined;
  /** UTC, microseconds, inclusive; undefined: from the first. */
  readonly from?: number | undefined;
  /** UTC, microseconds, exclusive; undefined: to the last. */
  readonly to?: number | undefined;
  /** Whether sums of channels come with them. */
  readonly sums?: boolean;
}

export interface QueryOptions {
  readonly channels: readonly string[];
  readonly gateway?: string | undefined;
  /** UTC, microseconds, inclusive; undefined: from the first sample. */
  readonly from?: number | undefined;
  /** UTC, microseconds, exclusive; undefined: to the last sample. */
  readonly to?: number | undefined;
  /** Undefined: raw samples. */
  readonly pixels?: number | undefined;
  /** Of a past that was derived anew, 0 what was taken in; undefined: the newest. */
  readonly version?: number | undefined;
  /** `first`: say of each channel what is missing, and why, before its samples; `only`: nothing else. Undefined: nobody asks. */
  readonly coverage?: 'first' | 'only';
}

/** A piece of an answer; `channel` is the index into the channels asked for. */
export type QueryPiece =
  | { readonly channel: number; readonly samples: Samples }
  | { readonly channel: number; readonly envelope: Envelope }
  | { readonly channel: number; readonly coverage: Coverage };

/** What a subscription to every sample gives. */
export interface EveryUpdate {
  readonly samples: readonly (SampleRun & { readonly gateway: string })[];
  readonly missed: readonly (MissedRun & { readonly gateway: string })[];
  /** Where to go on; undefined: a later update says. */
  readonly resume: Uint8Array | undefined;
}

/**
 * Speaks to a gateway or a central. Every method throws CaissonError: the code of the other end, or `central-unreachable`
 * when there is no answer. Streams end when the loop over them is left or `signal` is aborted.
 */
export class TelemetryClient {
  readonly #calls: GrpcCalls;
  readonly #peer: () => Pick<GatewayStatus, 'role' | 'gateway'> | undefined;

  constructor(address: Address, options: TelemetryClientOptions = {}) {
    this.#calls = new GrpcCalls(address, options);
    this.#peer = options.peer ?? (() => undefined);
  }

  get address(): string {
    return this.#calls.address;
  }

  /** Ends all calls and connections. */
  close(): void {
    this.#calls.close();
  }

  async status(): Promise<GatewayStatus> {
    const status = decodeStatus(await this.#calls.ask<StatusMessage>('GetStatus', {}));
    const peer = this.#peer();
    if (peer !== undefined && (peer.role !== status.role || peer.gateway !== status.gateway)) {
      const claims = `${this.address} says that it is ${status.role} ${status.gateway}`;
      throw new CaissonError('peer-invalid', `${claims}, its certificate is of ${peer.role} ${peer.gateway}`);
    }
    return status;
  }

  /** What lines carried from day `from` on and before day `to`, of UTC since 1970, and whose channels are. */
  usage(from: number, to: number): Promise<UsageReportMessage> {
    return this.#calls.ask<UsageReportMessage>('GetUsage', { fromDay: from, toDay: to });
  }

  /** All channels, or only those of a gateway, or of those names. */
  async listChannels(filter: ChannelFilter = {}): Promise<StoredChannel[]> {
    const { gateway = '', names = [] } = filter;
    const channels: StoredChannel[] = [];
    for (let after = 0; ; ) {
      const page = await this.#calls.ask<ListChannelsResponseMessage>('ListChannels', { gateway, after, names });
      channels.push(...page.channels.map(decodeChannel));
      const last = channels.at(-1);
      if (!page.more || last === undefined) return channels;
      after = last.id;
    }
  }

  /** Every version of the past, oldest first, or only those of a gateway. */
  async listVersions(gateway = ''): Promise<ListedVersion[]> {
    const versions: ListedVersion[] = [];
    for (let after = 0; ; ) {
      const page = await this.#calls.ask<ListVersionsResponseMessage>('ListVersions', { gateway, after });
      versions.push(...page.versions.map(decodeVersion));
      const last = versions.at(-1);
      if (!page.more || last === undefined) return versions;
      after = last.id;
    }
  }

  /** Cycles that touch a range: of one kind and gateway, or of all. */
  async *cycles(
    { gateway = '', name = '', from, to, sums = false }: CycleFilter = {},
    signal?: AbortSignal,
  ): AsyncGenerator<ListedCycle, void, undefined> {
    const range = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
    for await (const cycle of this.#calls.read<CycleMessage>('ListCycles', { gateway, name, ...range, sums }, signal)) {
      yield decodeCycle(cycle);
    }
  }

  /** Sessions that touch a range, by begin: of one gateway, or of all. */
  async *sessions(
    {
      gateway = '',
      from,
      to,
    }: { readonly gateway?: string | undefined; readonly from?: number; readonly to?: number } = {},
    signal?: AbortSignal,
  ): AsyncGenerator<Session, void, undefined> {
    const range = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
    for await (const session of this.#calls.read<SessionMessage>('ListSessions', { gateway, ...range }, signal)) {
      yield decodeSession(session);
    }
  }

  /** Begins, ends or describes a session of a gateway; the session as it is then. */
  async keepSession({ begins: begin, ends: end, from, to, ...wish }: SessionWish): Promise<Session> {
    const span = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
    return decodeSession(await this.#calls.ask<SessionMessage>('KeepSession', { ...wish, ...span, begin, end }));
  }

  /** All boxes of a central, those that need attention first. */
  async fleet(): Promise<Fleet> {
    return decodeFleet(await this.#calls.ask<ListBoxesResponseMessage>('ListBoxes', {}));
  }

  /** The config of a gateway, without its secrets. */
  async config(): Promise<ConfigAnswer> {
    return decodeConfigAnswer(await this.#calls.ask<ConfigAnswerMessage>('GetConfig', {}));
  }

  /** Offers a gateway another config; the same offer again says what became of it. */
  async offerConfig(offer: OfferConfigRequestMessage): Promise<ConfigAnswer> {
    return decodeConfigAnswer(await this.#calls.ask<ConfigAnswerMessage>('OfferConfig', offer));
  }

  async *query(query: QueryOptions, signal?: AbortSignal): AsyncGenerator<QueryPiece, void, undefined> {
    const request = {
      channels: query.channels,
      gateway: query.gateway ?? '',
      pixels: query.pixels ?? 0,
      ...(query.from === undefined ? {} : { from: query.from }),
      ...(query.to === undefined ? {} : { to: query.to }),
      ...(query.version === undefined ? {} : { version: query.version }),
      coverage: queryCoverage(query.coverage),
    };
    for await (const chunk of this.#calls.read<QueryChunkMessage>('Query', request, signal)) {
      const { channel, samples, envelope, coverage } = chunk;
      if (coverage !== undefined) yield { channel, coverage: decodeCoverage(coverage) };
      if (samples !== undefined) yield { channel, samples: decodeSamples(samples) };
      if (envelope !== undefined) yield { channel, envelope: decodeEnvelope(envelope) };
    }
  }

  /**
   * Runs a statement of SQL at the server.
   * @param limits of the statement; those that are absent, or greater than the server's, are the server's
   */
  async sql(
    request: { readonly sql: string; readonly parameters?: SqlParameters },
    limits: Partial<SqlLimits> = {},
    listener: SqlListener = {},
  ): Promise<SqlRun> {
    const stopping = new AbortController();
    const message = encodeSqlRequest(request.sql, request.parameters ?? {}, limits);
    return readSqlAnswer(this.#calls.read<SqlChunkMessage>('Sql', message, stopping.signal), listener, stopping);
  }

  /** Which boots its feed, or what a central has of a gateway, had begun up to a position. */
  place(position: number, gateway = ''): Promise<PlaceMessage> {
    return this.#calls.ask<PlaceMessage>('GetPlace', { position, gateway });
  }

  /** The feed from after `after` on; with `follow` until the loop is left. */
  async *pull(
    request: { readonly feed: string; readonly after: number; readonly follow: boolean },
    signal?: AbortSignal,
  ): AsyncGenerator<PullBatch, void, undefined> {
    for await (const { feed, items, complete } of this.#calls.read<PullBlocksResponseMessage>(
      'PullBlocks',
      request,
      signal,
    )) {
      yield { feed, items: items.map(decodeFeedItem), complete };
    }
  }

  /** The feed from where `request` stands, as much at a time as its pacer says, until the loop is left. */
  async *transfer(request: TransferRequest, signal?: AbortSignal): AsyncGenerator<PullBatch, void, undefined> {
    // What is granted counts in bytes as they come.
    const { call, read } = this.#calls.duplex<TransferRequestMessage, TransferResponseMessage>('Transfer');
    const cancel = () => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      if (signal?.aborted) cancel();
      yield* pullTransfer(call, request, read);
    } catch (error) {
      if (signal?.aborted !== true) throw fromGrpcError(error, this.address);
    } finally {
      signal?.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  /** Has a central pull something before the rest. Returns the number of lines that were told at once. */
  async wish(wish: Wish): Promise<number> {
    return (await this.#calls.ask<WishResponseMessage>('Wish', encodeWish(wish))).lines;
  }

  /**
   * What became of every sample of channels: all, or those of a gateway, or of those names; with the sums of each day, and whether they go to
   * a central.
   */
  ledger(
    filter: ChannelFilter & { readonly days?: boolean; readonly destination?: string | undefined } = {},
  ): AsyncGenerator<ChannelAccount, void, undefined> {
    const { gateway = '', names: channels = [], days = false, destination = '' } = filter;
    const request = { gateway, channels, days, destination };
    return wholeAccounts(this.#calls.read<LedgerChunkMessage>('GetLedger', request, undefined));
  }

  /** What a relay is asked of the files that it carries. */
  get relay(): RelayCalls {
    return new RelayCalls((method, request) => this.#calls.ask(method, request));
  }

  /** Brings a courier file into a central, or to a relay, as fast as that takes it. @param start for a relay */
  bringCourier(pieces: AsyncIterable<Uint8Array>, start?: CourierStartMessage): Promise<BroughtCourierMessage> {
    return this.#calls.bring(piecesOf(pieces, start));
  }

  /** All that a central has of a gateway, from `after` on. */
  async *pullGateway(
    request: { readonly gateway: string; readonly feed: string; readonly after: number },
    signal?: AbortSignal,
  ): AsyncGenerator<PullBatch, void, undefined> {
    const responses = this.#calls.read<PullBlocksResponseMessage>('PullGateway', request, signal);
    for await (const { feed, items, complete } of responses) yield { feed, items: items.map(decodeFeedItem), complete };
  }

  /** A digest a range of a gateway's samples, in their order; empty where not all of them are there. At most 256 ranges. */
  async digests(gateway: string, ranges: readonly HeldRange[]): Promise<Uint8Array[]> {
    const all: Uint8Array[] = [];
    for await (const { digests } of this.#calls.read<DigestChunkMessage>(
      'GetDigests',
      { gateway, ranges },
      undefined,
    )) {
      all.push(...digests);
    }
    return all;
  }

  /**
   * Tells that everything of `feed` up to `position` is durable with `follower`, where it was asked for with a receipt. Returns what
   * is to be proven next.
   */
  acknowledge(
    word: Pick<AcknowledgeRequestMessage, 'follower' | 'feed' | 'position'> &
      Partial<SignedReceipt> & { readonly store?: string; readonly lines?: readonly LineStatus[] },
  ): Promise<AcknowledgeResponseMessage> {
    return this.#calls.ask<AcknowledgeResponseMessage>('Acknowledge', {
      ...word,
      lines: (word.lines ?? []).map(encodeLine),
    });
  }

  /**
   * Values as they change, merged while the loop is busy: a slow loop sees the latest of each channel, never old ones one
   * after the other.
   */
  async *subscribe(
    request: { readonly channels: readonly string[]; readonly gateway?: string | undefined; readonly rateMax?: number },
    signal?: AbortSignal,
  ): AsyncGenerator<LiveValue[], void, undefined> {
    const call = this.#calls.live<LiveUpdateMessage>('Subscribe', {
      channels: request.channels,
      gateway: request.gateway ?? '',
      rateMax: request.rateMax ?? 0,
    });
    try {
      yield* latestOf(call, (waitedMs) => this.#calls.late('Subscribe', waitedMs), signal);
    } catch (error) {
      throw this.#calls.errorOf(error);
    }
  }

  /**
   * Every sample that a central keeps of channels, from now on or from where `resume` says, with what is missing; as fast as the loop takes
   * them. What `resume` of an update stands for is that update and all before it.
   */
  async *subscribeEvery(
    request: {
      readonly channels: readonly string[];
      readonly gateway?: string | undefined;
      readonly resume?: Uint8Array | undefined;
    },
    signal?: AbortSignal,
  ): AsyncGenerator<EveryUpdate, void, undefined> {
    const { channels, gateway = '', resume = new Uint8Array(0) } = request;
    const message = { channels, gateway, every: true, resume };
    for await (const update of this.#calls.read<LiveUpdateMessage>('Subscribe', message, signal)) {
      yield {
        samples: update.samples.map(decodeRun),
        missed: update.missed,
        resume: update.resume.length > 0 ? update.resume : undefined,
      };
    }
  }
}

function decodeSamples({ times, values, texts, late }: SamplesMessage): Samples {
  return {
    times: decodeColumn(times),
    values: texts.length > 0 ? texts : decodeColumn(values),
    late: late.length > 0 ? late.slice() : undefined,
  };
}

function decodeEnvelope(message: EnvelopeMessage): Envelope {
  return {
    from: message.from,
    to: message.to,
    pixels: message.pixels,
    count: decodeColumn(message.count),
    min: decodeColumn(message.min),
    max: decodeColumn(message.max),
    first: decodeColumn(message.first),
    last: decodeColumn(message.last),
  };
}
