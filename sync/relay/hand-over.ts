import { createReadStream } from 'node:fs';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { HandOverStatus } from '../../gateway/status.ts';
import type { BroughtCourierMessage, CourierStartMessage } from '../api/courier-messages.ts';
import type { RelayCalls } from '../api/relay-calls.ts';
import type { CarriedFileStateMessage } from '../api/relay-messages.ts';
import { type CourierAnswer, openAnswer } from '../courier/courier-answer.ts';
import { BackOff } from '../line/back-off.ts';
import type { DailyBudget } from '../line/daily-budget.ts';
import { sleep } from '../line/sleep.ts';
import type { TimeWindows } from '../line/time-windows.ts';
import type { WireMeter } from '../line/wire-meter.ts';
import type { ReceiptDesk } from '../receipts/receipt-desk.ts';
import type { CarriedFeed } from './carried-feed.ts';
import type { Outbox, SentFile } from './outbox.ts';

/** How often it is looked whether there is something to do, milliseconds. */
const LOOK_MS = 5_000;

/** Files asked for at a time. */
const ASKED_MAX = 256;

/** Bytes of one message, and how much of a second's worth of a cap. */
const PIECE_BYTES = 64 * 1024;
const PIECE_S = 0.2;

/** A file that its central finds damaged so often is not handed over again: what is wrong is no accident of the way. */
const DAMAGED_MAX = 3;

/** What a relay is spoken to over; `TelemetryClient` has it. One is made for each time. */
export interface HandOverClient {
  readonly relay: RelayCalls;
  bringCourier(pieces: AsyncIterable<Uint8Array>, start: CourierStartMessage): Promise<BroughtCourierMessage>;
  close(): void;
}

export interface HandOverParts {
  readonly gateway: () => string;
  readonly central: string;
  /** Address of the relay, for people. */
  readonly address: string;
  readonly connect: () => HandOverClient;
  readonly meter: WireMeter;
  readonly feed: CarriedFeed;
  readonly outbox: Outbox;
  readonly receipts: ReceiptDesk;
  /** How long the central must not have been heard, milliseconds; 0: always. */
  readonly afterMs: number;
  readonly filesMax: number;
  /** A file without an answer for so long is taken as lost, milliseconds. */
  readonly againMs: number;
  /** At most, bytes a second. */
  readonly capBytesPerS?: number | undefined;
  readonly budget?: DailyBudget | undefined;
  readonly windows?: TimeWindows | undefined;
  /** UTC, and of a clock that never steps, milliseconds. */
  readonly utcMs: () => number;
  readonly steadyMs: () => number;
  readonly onProblem: (text: string) => void;
  /** LOOK_MS unless a test is in a hurry. */
  readonly lookMs?: number;
}

/**
 * Hands a gateway's feed to a relay while its central has no line, file after file, and takes the answers that come back. A file that was handed
 * over is not acknowledged: only what its central has signed or said, sealed for this gateway, is. What is lost on the way is handed over again.
 */
export class HandOver {
  readonly #parts: HandOverParts;
  readonly #stopping = new AbortController();
  readonly #backOff = new BackOff();
  #running: Promise<void> | undefined;
  #heardMs: number;
  #state: HandOverStatus['state'] = 'rests';
  #why = 'it has not looked yet';
  #handed = 0;
  #answered = 0;
  /** The first position that was lost on the way, since a file was written last that nothing waited before. */
  #lostFrom = Number.POSITIVE_INFINITY;
  #damaged = { from: -1, times: 0 };
  #asked = { upTo: -1, confirmed: -1 };
  #spent = 0;
  readonly #refused: Record<string, number> = {};

  constructor(parts: HandOverParts) {
    this.#parts = parts;
    this.#heardMs = parts.steadyMs();
  }

  /** Begins; returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is handed over any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#parts.budget?.close();
  }

  /** The central asked this gateway something over a line of its own. */
  heard(): void {
    this.#heardMs = this.#parts.steadyMs();
  }

  status(): HandOverStatus {
    const { central, address: relay, outbox } = this.#parts;
    const { files } = outbox;
    return {
      ...{ central, relay, state: this.#state, why: this.#why, files: files.length },
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      oldest: files.length === 0 ? 0 : Math.min(...files.map(({ writtenMs }) => writtenMs)) * 1e3,
      ...{ handed: this.#handed, answered: this.#answered, refused: { ...this.#refused } },
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      let restMs = this.#parts.lookMs ?? LOOK_MS;
      try {
        await this.#look();
        this.#backOff.reset();
      } catch (error) {
        if (signal.aborted) return;
        const retryMs = error instanceof CaissonError ? error.retryAfterMs : undefined;
        this.#become(
          'fails',
          error instanceof CaissonError && error.hint !== undefined
            ? `${error.message}; ${error.hint}`
            : messageOf(error),
        );
        restMs = Math.max(restMs, retryMs ?? this.#backOff.next());
      }
      await sleep(restMs, signal);
    }
  }

  async #look(): Promise<void> {
    const { outbox, connect } = this.#parts;
    this.#dropOld();
    const blocked = this.#blocked();
    const isAway = this.#parts.steadyMs() - this.#heardMs >= this.#parts.afterMs;
    if (!isAway && outbox.files.length === 0) return this.#become('rests', 'its central has a line here');
    if (blocked !== undefined) return this.#become('waits', blocked);
    // Nothing to ask for, and nothing to bring: the relay is left alone.
    if (outbox.files.length === 0 && this.#written() === undefined)
      return this.#become('rests', 'its central has all there is');
    const client = connect();
    try {
      await this.#ask(client);
      if (!isAway) return this.#become('rests', 'its central has a line here; answers are awaited');
      await this.#bring(client);
    } finally {
      client.close();
      this.#spend();
    }
  }

  /** Hands over what there is, as long as it may. */
  async #bring(client: HandOverClient): Promise<void> {
    const { filesMax, outbox } = this.#parts;
    while (!this.#stopping.signal.aborted) {
      const waiting = outbox.files.find(({ isHanded }) => !isHanded);
      if (waiting === undefined && outbox.files.length >= filesMax) {
        return this.#become('waits', `${filesMax} files wait for an answer`);
      }
      const file = waiting ?? this.#written();
      if (file === undefined) return this.#become('rests', 'all there is was handed over');
      this.#become('hands-over', `up to position ${file.to}`);
      try {
        await this.#bringFile(client, file);
      } catch (error) {
        // A file that must not go on now was broken off, maybe for what was on its way.
        this.#spend();
        if (this.#blocked() === undefined) throw error;
      }
      const blocked = this.#blocked();
      if (blocked !== undefined) return this.#become('waits', blocked);
    }
  }

  async #bringFile(client: HandOverClient, file: SentFile): Promise<void> {
    const { gateway, central, outbox } = this.#parts;
    const { digest, name, bytes } = file;
    const [told] = await client.relay.ask({ gateway: gateway(), digests: [digest], done: [] });
    const isWhole = told?.state === 'CARRIED_STATE_CARRIED' || told?.state === 'CARRIED_STATE_ANSWERED';
    const offset = told?.state === 'CARRIED_STATE_PART' ? Math.min(told.bytes, bytes) : 0;
    const start = { digest, name, gateway: gateway(), central, bytes, offset };
    if (!isWhole) await client.bringCourier(this.#pieces(outbox.path(file), offset), start);
    outbox.handed(file);
    this.#handed += 1;
  }

  /** Of a file, as fast as the cap lets them, and until the budget of the day is spent. */
  async *#pieces(path: string, offset: number): AsyncGenerator<Uint8Array> {
    const { capBytesPerS = Number.POSITIVE_INFINITY } = this.#parts;
    const { signal } = this.#stopping;
    const highWaterMark = Math.ceil(Math.max(1, Math.min(PIECE_BYTES, capBytesPerS * PIECE_S)));
    const before = this.#parts.meter.bytes.sent;
    let given = 0;
    for await (const piece of createReadStream(path, { start: offset, highWaterMark })) {
      this.#spend();
      // What waits on its way to the wire is spent as well.
      const waiting = Math.max(0, given - (this.#parts.meter.bytes.sent - before));
      if (signal.aborted || this.#blocked(waiting) !== undefined) return;
      given += (piece as Uint8Array).length;
      const from = performance.now();
      yield piece as Uint8Array;
      const restMs = ((piece as Uint8Array).length / capBytesPerS) * 1e3 - (performance.now() - from);
      if (restMs > 1) await sleep(restMs, signal);
    }
  }

  /** Takes what became of the files that were handed over. */
  async #ask(client: HandOverClient): Promise<void> {
    const { gateway, outbox } = this.#parts;
    const handed = outbox.files.filter(({ isHanded }) => isHanded);
    for (let at = 0; at < handed.length; ) {
      const asked = handed.slice(at, at + ASKED_MAX);
      const digests = asked.map(({ digest }) => digest);
      const states = await client.relay.ask({ gateway: gateway(), digests, done: [] });
      if (states.length === 0) return;
      const done: Uint8Array[] = [];
      for (const [i, state] of states.entries()) {
        const file = asked[i];
        if (file !== undefined && this.#settled(file, state)) done.push(file.digest);
      }
      if (done.length > 0) await client.relay.ask({ gateway: gateway(), digests: [], done });
      at += states.length;
    }
  }

  /** Deals with what the relay says of a file; true where nothing more is to be known of it. */
  #settled(file: SentFile, { state, answer, problem }: CarriedFileStateMessage): boolean {
    if (state === 'CARRIED_STATE_CARRIED') return false;
    if (state !== 'CARRIED_STATE_ANSWERED') {
      this.#lose(file, 'lost', 'the relay does not have it any more');
      return false;
    }
    if (answer.length === 0) {
      this.#lose(file, 'spoilt', `what the relay had were other bytes: ${problem}`);
      return true;
    }
    try {
      this.#take(file, openAnswer(file.answerKey, file.digest, answer));
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      this.#lose(file, 'forged', error.message);
    }
    return true;
  }

  /** Believes what the central says of a file. */
  #take(file: SentFile, { outcome, problem, feed, position, receipts }: CourierAnswer): void {
    const { central, outbox, receipts: desk } = this.#parts;
    this.#answered += 1;
    const isOfThis = feed === file.feed;
    if (outcome === 'damaged') {
      this.#damaged = { from: file.from, times: this.#damaged.from === file.from ? this.#damaged.times + 1 : 1 };
      this.#lose(file, 'damaged', `its central could not keep it: ${problem}`);
      return;
    }
    for (const [i, signed] of receipts.entries()) {
      const request = file.requests[i];
      if (request === undefined || desk.takeCarried(central, request, signed) !== '') break;
    }
    if (isOfThis && !file.isPartial) desk.takeCarriedWord(central, position);
    const to = file.isPartial ? file.to : isOfThis ? position : 0;
    const { boot } = file.to <= to ? file : { boot: this.#parts.feed.bootAt(to) };
    outbox.keepPlace({ feed: file.feed, boot, to: Math.min(to, file.to), confirmed: desk.confirmed(central) });
    outbox.drop(file);
  }

  #lose(file: SentFile, reason: string, why: string): void {
    const { central, outbox, onProblem } = this.#parts;
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
    this.#lostFrom = Math.min(this.#lostFrom, file.from);
    outbox.drop(file);
    onProblem(`a courier file for ${central} (${file.from} to ${file.to}) is handed over again: ${why}`);
  }

  /** What its central has by now needs no answer; what waited too long, or is of another past of this store, gets none. */
  #dropOld(): void {
    const { outbox, feed, receipts, central, utcMs, againMs } = this.#parts;
    const confirmed = receipts.confirmed(central);
    const id = outbox.files.length > 0 ? feed.id : '';
    for (const file of outbox.files) {
      const isOfThis = file.feed === id && file.boot === feed.bootAt(file.to);
      if (!isOfThis || file.to <= confirmed) outbox.drop(file);
      else if (utcMs() - file.writtenMs >= againMs) this.#lose(file, 'unanswered', 'no answer came');
    }
  }

  /** The next file, written now; undefined where there is nothing more. */
  #written(): SentFile | undefined {
    const { feed, outbox, receipts, central } = this.#parts;
    const confirmed = receipts.confirmed(central);
    const last = outbox.files.at(-1);
    const after = last?.to ?? this.#goOnBehind(confirmed);
    if (this.#damaged.times >= DAMAGED_MAX && after === this.#damaged.from) {
      throw new CaissonError(
        'courier-failed',
        `its central finds what is behind position ${after} damaged, ${DAMAGED_MAX} times`,
        {
          hint: 'is destinations.NAME.courierKey its key? Its log says more',
        },
      );
    }
    const next = feed.next(outbox, after, Math.max(confirmed, last?.askedTo ?? 0)) ?? this.#question(after, confirmed);
    if (last === undefined) this.#lostFrom = Number.POSITIVE_INFINITY;
    return next;
  }

  /** What the central has by its own word and did not prove, as where it went back and came again, is asked for once more. */
  #question(upTo: number, confirmed: number): SentFile | undefined {
    const { feed, outbox } = this.#parts;
    const isAsked = this.#asked.upTo === upTo && this.#asked.confirmed === confirmed;
    if (outbox.files.length > 0 || confirmed >= upTo || isAsked) return undefined;
    this.#asked = { upTo, confirmed };
    return feed.question(outbox, upTo, confirmed);
  }

  /** Where to go on when nothing waits for an answer. */
  #goOnBehind(confirmed: number): number {
    const { feed, outbox } = this.#parts;
    const { place } = outbox;
    // What the central told over its line since then counts.
    const isNews = place !== undefined && place.confirmed === confirmed;
    const isOfThis = isNews && place.feed === feed.id && place.boot === feed.bootAt(place.to);
    return Math.min(isOfThis ? place.to : confirmed, this.#lostFrom);
  }

  /** Why nothing may be handed over now. @param waiting bytes that the budget does not know of yet */
  #blocked(waiting = 0): string | undefined {
    const { windows, budget, utcMs } = this.#parts;
    if (windows !== undefined && !windows.isOpen(utcMs())) return 'outside of its windows of time';
    return budget !== undefined && budget.left <= waiting ? 'the budget of the day is spent' : undefined;
  }

  #spend(): void {
    const { received, sent } = this.#parts.meter.bytes;
    this.#parts.budget?.spend(received + sent - this.#spent);
    this.#spent = received + sent;
  }

  #become(state: HandOverStatus['state'], why: string): void {
    [this.#state, this.#why] = [state, why];
  }
}
