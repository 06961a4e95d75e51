import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { CaissonError } from '../../../gateway/errors.ts';
import { ownScript } from '../../../gateway/own-file.ts';
import type { Coverage } from '../../../gateway/query/coverage/coverage.ts';
import type {
  BootAccount,
  Envelope,
  Gap,
  KeptTelemetry,
  LatestSample,
  LedgerLine,
  PastVersion,
  Samples,
  StoredChannel,
} from '../../../gateway/query/telemetry.ts';
import { awaitChange } from './await-change.ts';
import type {
  AnswerTo,
  AskedArguments,
  AskedName,
  FromTelemetryThread,
  NumberedQuestion,
  NumberedReply,
  TelemetryThreadData,
  ToTelemetryThread,
} from './telemetry-messages.ts';

/** How long a reply may take, milliseconds: longer than a statement of the database. */
const REPLY_MS = 180_000;

/** Channels that are asked about together, where each is asked for in turn: one round trip for as many. */
const AHEAD_CHANNELS = 256;

/**
 * Central's blocks in PostgreSQL for who cannot wait for a promise, as SQLite's tables cannot: another thread asks, and this one
 * stands still until it has the answer. Belongs in a process that does nothing else.
 */
export class BlockingTelemetry implements KeptTelemetry {
  readonly #port: MessagePort;
  readonly #replies = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #worker: Worker;
  readonly #onProblem: (text: string) => void;
  readonly #replyMs: number;
  readonly #latest = new AskedAhead<LatestSample | undefined>();
  readonly #gaps = new AskedAhead<readonly Gap[]>();
  #channels: readonly StoredChannel[] = [];
  #readings = 0;
  #questions = 0;

  /**
   * @param url `postgres://user@host:port/database`
   * @param onProblem told of a block that is damaged; it costs a query only itself
   * @param replyMs how long a reply may take, milliseconds
   */
  constructor(url: string, onProblem: (text: string) => void, replyMs = REPLY_MS) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#onProblem = onProblem;
    this.#replyMs = replyMs;
    const workerData: TelemetryThreadData = { url, port: port2, replies: this.#replies };
    this.#worker = new Worker(ownScript('sync/central/postgres/telemetry-thread'), {
      workerData,
      transferList: [port2],
    });
    this.#worker.unref();
  }

  close(): void {
    this.#port.close();
    void this.#worker.terminate();
  }

  channels(): readonly StoredChannel[] {
    this.#channels = this.#ask('channels');
    return this.#channels;
  }

  channel(name: string, gateway?: string): StoredChannel {
    return this.#ask('channel', name, gateway);
  }

  *raw(channel: number, from: number, to: number, version?: number): IterableIterator<Samples> {
    this.#readings += 1;
    const reading = this.#readings;
    this.#call({ kind: 'open', reading, asked: [channel, from, to, version] });
    let isOpen = true;
    try {
      for (;;) {
        const reply = this.#call({ kind: 'next', reading });
        if (reply.kind !== 'piece' || reply.samples === undefined) break;
        yield reply.samples;
      }
      isOpen = false;
    } finally {
      if (isOpen) this.#call({ kind: 'close', reading });
    }
  }

  envelope(channel: number, from: number, to: number, pixels: number, version?: number): Envelope {
    return this.#ask('envelope', channel, from, to, pixels, version);
  }

  versions(): readonly PastVersion[] {
    return this.#ask('versions');
  }

  latest(channel: number): LatestSample | undefined {
    return this.#latest.take('', channel, () => {
      const channels = this.#from(channel);
      const answers = this.#askEach(
        'latest',
        channels.map((id) => [id]),
      );
      return channels.map((id, i) => [id, answers[i]]);
    });
  }

  gaps(channel: number, from: number, to: number): readonly Gap[] {
    return this.#gaps.take(`${from} ${to}`, channel, () => {
      const channels = this.#from(channel);
      const answers = this.#askEach(
        'gaps',
        channels.map((id) => [id, from, to]),
      );
      return channels.map((id, i) => [id, answers[i] ?? []]);
    });
  }

  coverage(channel: number, from: number, to: number): Coverage {
    return this.#ask('coverage', channel, from, to);
  }

  ledger(): readonly LedgerLine[] {
    return this.#ask('ledger');
  }

  accounts(channel: number): readonly BootAccount[] {
    return this.#ask('accounts', channel);
  }

  boots(): AnswerTo<'boots'> {
    return this.#ask('boots');
  }

  clockAfter(position: number): AnswerTo<'clockAfter'> {
    return this.#ask('clockAfter', position);
  }

  /** A channel and those that are listed behind it. */
  #from(channel: number): number[] {
    const ids = this.#channels.map(({ id }) => id);
    const at = ids.indexOf(channel);
    return at < 0 ? [channel] : ids.slice(at, at + AHEAD_CHANNELS);
  }

  #ask<Name extends AskedName>(name: Name, ...asked: AskedArguments<Name>): AnswerTo<Name> {
    return this.#askEach(name, [asked])[0] as AnswerTo<Name>;
  }

  #askEach<Name extends AskedName>(name: Name, each: readonly AskedArguments<Name>[]): AnswerTo<Name>[] {
    const reply = this.#call({ kind: 'ask', name, each });
    return reply.kind === 'answers' ? (reply.answers as AnswerTo<Name>[]) : [];
  }

  /** @throws CaissonError what the thread met, `store-failed` where it does not answer */
  #call(question: ToTelemetryThread): Exclude<FromTelemetryThread, { kind: 'failed' }> {
    this.#questions += 1;
    const number = this.#questions;
    const numbered: NumberedQuestion = { number, question };
    this.#port.postMessage(numbered);
    const reply = this.#replyTo(number);
    if (reply === undefined) {
      throw new CaissonError('store-failed', `PostgreSQL was asked for ${this.#replyMs / 1e3} s without an answer`, {
        retryable: true,
      });
    }
    for (const problem of reply.problems) this.#onProblem(problem);
    if (reply.kind !== 'failed') return reply;
    const { code = 'store-failed', message: text, hint } = reply.failure;
    throw new CaissonError(code, text, hint === undefined ? {} : { hint });
  }

  /** The reply to a question; undefined where it does not come in time. One to an earlier question, which nobody waits for any more, is dropped. */
  #replyTo(number: number): FromTelemetryThread | undefined {
    const until = performance.now() + this.#replyMs;
    for (;;) {
      // Looked at before the port is: what comes between is no news then, but there.
      const before = Atomics.load(this.#replies, 0);
      for (;;) {
        const came = receiveMessageOnPort(this.#port)?.message as NumberedReply | undefined;
        if (came === undefined) break;
        if (came.number === number) return came.reply;
      }
      if (!awaitChange(this.#replies, 0, before, until - performance.now())) return undefined;
    }
  }
}

/** Answers for channels that were not asked for yet, each good for one question. */
class AskedAhead<Answer> {
  #terms = '';
  #answers = new Map<number, Answer>();

  /** @param terms of the question; others make what was asked ahead worthless */
  take(terms: string, channel: number, ask: () => (readonly [number, Answer])[]): Answer {
    if (terms !== this.#terms || !this.#answers.has(channel)) {
      this.#terms = terms;
      this.#answers = new Map(ask());
    }
    const answer = this.#answers.get(channel) as Answer;
    this.#answers.delete(channel);
    return answer;
  }
}
