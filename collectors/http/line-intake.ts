import type { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Clock } from '../../gateway/clock.ts';
import { messageOf } from '../../gateway/errors.ts';
import type { Intake } from '../../gateway/intake.ts';
import type { CollectorCounters } from '../collector.ts';
import { ChannelTemplate } from '../line-protocol/channel-template.ts';
import { LineBody } from '../line-protocol/line-body.ts';
import { LineReader } from '../line-protocol/line-reader.ts';
import type { Precision } from '../line-protocol/precision.ts';
import { Field } from '../payload/field.ts';
import { PayloadError } from '../payload/payload-error.ts';
import { pushBatch } from '../payload/push-batch.ts';
import { MESSAGE_SLOTS_MAX, SampleBatch } from '../payload/sample-batch.ts';
import { Refusal } from './refusal.ts';

/** Values of one body. Beyond: the body is refused, 413. */
export const BODY_SAMPLES_MAX = MESSAGE_SLOTS_MAX;
/** Series and fields remembered. At the maximum all are forgotten and learnt again, which costs time and no sample. */
export const SERIES_REMEMBERED_MAX = 65_536;

/** Bytes that are read in one turn of the event loop, so that other sources are not kept waiting. */
const SLICE_BYTES = 256 * 1024;
/** Ring slots that a receipt needs, reckoned high. */
const RECEIPT_SLOTS = 4;
/** How long room in the ring is waited for, and how often it is asked for, milliseconds. */
const ROOM_WAIT_MS = 1000;
const ROOM_RETRY_MS = 5;
/** When it is worth trying again, seconds: with a full ring, and with a full disk or a failed store. */
const RETRY_ROOM_S = 1;
const RETRY_STORE_S = 30;

/** Settings of {@link LineIntake}. */
export interface LineIntakeSettings {
  readonly source: string;
  readonly prefix: string;
  readonly channel: string;
}

/**
 * Turns bodies of lines into samples on disk. Bodies are read one after another, each as a whole: either all of its good
 * lines are stored or, where it is refused, none. A body in which every line has its own time is stored once, however
 * often it is sent, as sending it again means the same points.
 */
export class LineIntake {
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #counters: CollectorCounters;
  readonly #settings: LineIntakeSettings;
  readonly #template: ChannelTemplate;
  readonly #batch = new SampleBatch(BODY_SAMPLES_MAX);
  #reader: LineReader;
  #remembered = 0;
  /** Ends when the bodies that came before are read. */
  #before: Promise<unknown> = Promise.resolve();
  #isStopped = false;
  /** Bodies recognised as stored already. */
  repeats = 0;
  /** Bodies that had to wait for room in the ring. */
  waited = 0;

  /** @throws CaissonError `config-invalid` for a channel template that cannot be */
  constructor(intake: Intake, clock: Clock, counters: CollectorCounters, settings: LineIntakeSettings) {
    this.#intake = intake;
    this.#clock = clock;
    this.#counters = counters;
    this.#settings = settings;
    this.#template = new ChannelTemplate(settings.channel);
    this.#reader = this.#newReader();
  }

  /**
   * Resolves when the good lines of a body are on disk, fsynced, and tells which were bad.
   * @throws Refusal `http-body`, `http-room`, `http-withheld`, `http-failed`: nothing is kept
   */
  async take(bytes: Buffer, precision: Precision): Promise<LineBody> {
    const stored = this.#before.then(() => this.#store(bytes, precision));
    this.#before = stored.catch(() => {});
    const { body, durable } = await stored;
    try {
      await durable;
    } catch (error) {
      throw new Refusal('http-failed', 503, `not stored: ${messageOf(error)}`, RETRY_STORE_S);
    }
    return body;
  }

  /** From now on nothing is pushed. */
  stop(): void {
    this.#isStopped = true;
  }

  async #store(bytes: Buffer, precision: Precision): Promise<{ body: LineBody; durable: Promise<void> }> {
    if (this.#intake.withholds) throw new Refusal('http-withheld', 503, 'the disk is full', RETRY_STORE_S);
    const body = await this.#read(bytes, precision);
    const digest = body.linesUntimed === 0 && body.lines > 0 ? digestOf(bytes, precision) : undefined;
    if (digest !== undefined && this.#intake.isKnownReceipt(digest)) {
      // Its samples are in, but their commit may still be on its way.
      this.repeats++;
    } else {
      await this.#room(this.#batch.slots + RECEIPT_SLOTS);
      this.#push(digest);
    }
    this.#count(body);
    return { body, durable: this.#intake.durable(this.#intake.publish()) };
  }

  /** Reads a body into the batch. */
  async #read(bytes: Buffer, precision: Precision): Promise<LineBody> {
    if (this.#remembered >= SERIES_REMEMBERED_MAX) {
      this.#remembered = 0;
      this.#reader = this.#newReader();
    }
    const body = new LineBody(precision);
    this.#batch.clear();
    try {
      let at = 0;
      for (let end = SLICE_BYTES; end < bytes.length; end += SLICE_BYTES) {
        at += this.#reader.read(bytes.subarray(at, end), false, body, this.#batch);
        await new Promise((resolve) => setImmediate(resolve));
      }
      this.#reader.read(bytes.subarray(at), true, body, this.#batch);
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      throw new Refusal('http-body', 413, `${error.message}; send smaller bodies`);
    }
    return body;
  }

  async #room(slots: number): Promise<void> {
    const deadline = performance.now() + ROOM_WAIT_MS;
    if (!this.#intake.hasRoom(slots)) this.waited++;
    while (!this.#intake.hasRoom(slots)) {
      if (performance.now() > deadline) {
        throw new Refusal('http-room', 503, 'the intake has no room; the store does not keep up', RETRY_ROOM_S);
      }
      await new Promise((resolve) => setTimeout(resolve, ROOM_RETRY_MS));
    }
    if (this.#isStopped) throw new Refusal('http-failed', 503, 'the gateway stops', RETRY_ROOM_S);
  }

  #push(digest: Uint8Array | undefined): void {
    const taken = pushBatch(this.#batch, this.#intake, this.#clock.now(), '', this.#settings.source);
    this.#counters.samples += taken;
    if (digest !== undefined && taken === this.#batch.count) this.#intake.pushReceipt(digest);
  }

  #count(body: LineBody): void {
    this.#counters.received += body.lines + body.bad;
    for (const [reason, lines] of body.faultCounts) this.#counters.error(reason, lines);
  }

  #newReader(): LineReader {
    const count = () => {
      this.#remembered++;
    };
    return new LineReader(new Field(this.#settings.prefix, count), this.#template, count);
  }
}

/** Identity of a body: 16 bytes of a hash over what it says. */
function digestOf(bytes: Buffer, precision: Precision): Buffer {
  return createHash('sha1').update(`lines ${precision} `).update(bytes).digest().subarray(0, 16);
}
