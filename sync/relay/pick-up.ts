import { Buffer } from 'node:buffer';
import { createHash, type KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import type { RelayCalls } from '../api/relay-calls.ts';
import type { CarriedFileMessage } from '../api/relay-messages.ts';
import { sealAnswer } from '../courier/courier-answer.ts';
import { COURIER_BYTES_MAX } from '../courier/courier-desk.ts';
import { type CourierSender, type ReadFile, readCourierFile } from '../courier/courier-reader.ts';
import type { SpoolFolder } from '../courier/spool-folder.ts';
import type { PullSink } from '../line/pull-line.ts';
import { sleep } from '../line/sleep.ts';
import type { SignedReceipt } from '../receipts/receipt.ts';

/** How often a relay is asked what it has, milliseconds. */
const LOOK_MS = 5_000;

/** Bytes of one request: what of a slow line may be taken at once. */
const PIECE_BYTES = 128 * 1024;
const PIECE_MS = 100;
const PIECE_BYTES_MIN = 4 * 1024;

/** What is picked up over; `TelemetryClient` has it. */
export interface RelayClient {
  readonly relay: RelayCalls;
}

export interface PickUpParts {
  /** Name of the central. */
  readonly central: string;
  /** Told whose file was kept. */
  readonly onKept?: (gateway: string) => void;
  /** Its private key for courier files, X25519. */
  readonly key: KeyObject;
  readonly sink: PullSink;
  readonly spool: SpoolFolder;
  /** Told of what a person should know. */
  readonly onProblem: (text: string) => void;
  /** LOOK_MS unless a test is in a hurry. */
  readonly lookMs?: number;
}

export interface PickUpCounters {
  /** Files, by what became of them. */
  kept: number;
  damaged: number;
  /** Samples that were new. */
  samples: number;
}

/**
 * Takes what relays carry for a central, over the lines that it has to them, in pieces that leave room for what else they bring. A file is
 * kept as from a medium, and answered to the gateway that wrote it: sealed, with receipts where it asked for some.
 */
export class PickUp {
  readonly counters: PickUpCounters = { kept: 0, damaged: 0, samples: 0 };
  readonly #parts: PickUpParts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: PickUpParts) {
    this.#parts = parts;
  }

  /**
   * Looks at a relay for as long as its line is open; returns what ends that.
   * @param spareBytesPerS what of the line may be used for that at the moment
   */
  attend(client: RelayClient, { gateway, relay }: GatewayStatus, spareBytesPerS: () => number): () => void {
    if (relay === undefined) return () => {};
    const ending = new AbortController();
    void this.#look(client.relay, gateway, spareBytesPerS, ending.signal);
    return () => ending.abort();
  }

  async #look(calls: RelayCalls, name: string, spare: () => number, signal: AbortSignal): Promise<void> {
    let told = '';
    const tell = (error: unknown) => {
      const text = messageOf(error);
      // A line that is gone is told by who pulls over it.
      const isLine = error instanceof CaissonError && error.code === 'central-unreachable';
      if (isLine || signal.aborted || text === told) return;
      told = text;
      this.#parts.onProblem(`what relay ${name} carries cannot be taken: ${text}`);
    };
    while (!signal.aborted) {
      try {
        // What is behind a file that cannot be kept now is of no use before it.
        const failing = new Set<string>();
        for (const file of await calls.list()) {
          if (signal.aborted) return;
          if (failing.has(file.gateway)) continue;
          const path = this.#parts.spool.path(spoolName(name, file));
          await this.#pick(calls, file, path, spare, signal).catch((error: unknown) => {
            failing.add(file.gateway);
            tell(error);
          });
        }
      } catch (error) {
        tell(error);
      }
      await sleep(this.#parts.lookMs ?? LOOK_MS, signal);
    }
  }

  async #pick(
    calls: RelayCalls,
    file: CarriedFileMessage,
    path: string,
    spare: () => number,
    signal: AbortSignal,
  ): Promise<void> {
    const { digest } = file;
    if (!(await this.#spooled(calls, file, path, spare, signal))) return;
    const problem = await wrongWith(path, digest);
    const read = problem === undefined ? await this.#read(path) : undefined;
    const outcome = read?.read.outcome;
    if (outcome === 'kept') this.counters.kept += 1;
    else this.counters.damaged += 1;
    this.counters.samples += read?.read.samples ?? 0;
    const why = problem ?? (outcome === 'foreign' ? 'it is for another central' : (read?.read.problem ?? ''));
    if (why !== '') this.#parts.onProblem(`a courier file of ${file.gateway} that a relay carried: ${why}`);
    const isReadable = read?.sender !== undefined;
    const answer = isReadable ? await this.#answerTo(read.sender, read, digest) : new Uint8Array(0);
    await calls.answer({ digest, answer, problem: why });
    // Before, it would have to come again where something fails.
    await rm(path, { force: true });
  }

  /** Brings the rest of a file into the spool; false where that was broken off. */
  async #spooled(
    calls: RelayCalls,
    { digest, bytes }: CarriedFileMessage,
    path: string,
    spare: () => number,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (bytes > COURIER_BYTES_MAX) throw new CaissonError('peer-invalid', `a courier file of ${bytes} bytes`);
    const spool = await open(path, 'a', 0o600);
    try {
      for (let offset = (await spool.stat()).size; offset < bytes; ) {
        if (signal.aborted) return false;
        const asked = performance.now();
        const rate = spare();
        const length = Math.max(PIECE_BYTES_MIN, Math.min(PIECE_BYTES, (rate * PIECE_MS) / 1e3));
        const piece = await calls.take({ digest, offset, bytes: Math.floor(length) });
        // Over a newer line the rest may be on its way already.
        if (signal.aborted) return false;
        if (piece.length === 0) break;
        for (let done = 0; done < piece.length; ) done += (await spool.write(piece, done)).bytesWritten;
        offset += piece.length;
        const restMs = (piece.length / rate) * 1e3 - (performance.now() - asked);
        if (restMs > 1) await sleep(restMs, signal);
      }
      return true;
    } finally {
      await spool.close();
    }
  }

  /** One file at a time, of all relays. */
  #read(path: string): Promise<ReadFile> {
    const turn = this.#last.then(() => readCourierFile(this.#parts, path));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #answerTo(
    { head, answerKey, end }: CourierSender,
    { read }: ReadFile,
    digest: Uint8Array,
  ): Promise<Uint8Array> {
    const { sink } = this.#parts;
    const peer = { role: 'gateway', gateway: head.gateway } as const;
    const { feed, after: position } = await sink.resume(peer);
    const receipts: SignedReceipt[] = [];
    for (const request of end?.requests ?? []) {
      if (sink.prove === undefined) break;
      try {
        receipts.push(await sink.prove(peer, request));
      } catch (error) {
        if (!(error instanceof CaissonError) || error.retryable) throw error;
        // A request that is none is answered by nothing.
        break;
      }
    }
    const outcome = read.outcome === 'kept' ? 'kept' : 'damaged';
    return sealAnswer(answerKey, { digest, outcome, problem: read.problem ?? '', feed, position, receipts });
  }
}

/** Of one relay, so that of two which carry the same file neither writes into what comes of the other. */
function spoolName(relay: string, { digest }: CarriedFileMessage): string {
  const from = createHash('sha256').update(relay).digest('hex').slice(0, 16);
  return `carried-${from}-${Buffer.from(digest).toString('hex')}`;
}

async function wrongWith(path: string, digest: Uint8Array): Promise<string | undefined> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest().equals(digest) ? undefined : 'its bytes changed at the relay, whose disk may be broken';
}
