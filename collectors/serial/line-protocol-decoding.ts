import type { Buffer } from 'node:buffer';
import type { SampleSink } from '../../gateway/intake.ts';
import type { CollectorCounters } from '../collector.ts';
import { ChannelTemplate } from '../line-protocol/channel-template.ts';
import { LineBody } from '../line-protocol/line-body.ts';
import type { LineSettings } from '../line-protocol/line-config.ts';
import { LineReader } from '../line-protocol/line-reader.ts';
import { Field } from '../payload/field.ts';
import { pushBatch } from '../payload/push-batch.ts';
import { SampleBatch } from '../payload/sample-batch.ts';
import { LineFramer } from './line-framer.ts';
import type { Outlet } from './outlet.ts';
import type { WireDecoding, WireListener } from './wire-decoding.ts';

/** Bytes of a line on a serial wire, which has a tenth of its baud rate a second. */
const LINE_BYTES_MAX = 16 * 1024;

/** Series and fields that are remembered. At the maximum all are forgotten: their channels stay. */
const KNOWN_MAX = 16_384;

/** InfluxDB line protocol to samples. */
export class LineProtocolDecoding implements WireDecoding {
  readonly unit = 'line of InfluxDB line protocol';
  readonly #outlet: Outlet;
  readonly #sink: SampleSink;
  readonly #counters: CollectorCounters;
  readonly #listener: WireListener | undefined;
  readonly #settings: LineSettings;
  readonly #template: ChannelTemplate;
  readonly #source: string;
  readonly #prefix: string;
  readonly #batch = new SampleBatch();
  readonly #framer: LineFramer;
  #known = 0;
  #reader: LineReader;

  constructor(
    settings: LineSettings,
    about: { readonly source: string; readonly prefix: string | undefined },
    sink: SampleSink,
    counters: CollectorCounters,
    outlet: Outlet,
    listener?: WireListener,
  ) {
    this.#settings = settings;
    this.#template = new ChannelTemplate(settings.channel);
    this.#source = about.source;
    this.#prefix = about.prefix ?? about.source;
    this.#sink = sink;
    this.#counters = counters;
    this.#outlet = outlet;
    this.#listener = listener;
    this.#reader = this.#newReader();
    this.#framer = new LineFramer(LINE_BYTES_MAX, {
      line: (bytes) => this.#line(bytes),
      tooLong: () => outlet.damaged('line-long'),
    });
  }

  feed(bytes: Uint8Array, arrival: number): void {
    this.#outlet.arrival = arrival;
    this.#framer.feed(bytes);
  }

  end(): void {
    this.#framer.end();
  }

  lost(): void {
    this.#framer.reset();
  }

  #newReader(): LineReader {
    this.#known = 0;
    const count = () => {
      this.#known += 1;
    };
    return new LineReader(new Field(this.#prefix, count), this.#template, count);
  }

  #line(bytes: Buffer): void {
    this.#outlet.begin();
    const body = new LineBody(this.#settings.precision, false);
    this.#batch.clear();
    this.#reader.read(bytes, true, body, this.#batch);
    for (const [reason, lines] of body.faultCounts) {
      for (let line = 0; line < lines; line += 1) this.#outlet.error(reason);
    }
    if (body.lines > 0) this.#listener?.understood();
    const taken = pushBatch(this.#batch, this.#sink, this.#outlet.arrival, '', this.#source);
    this.#counters.samples += taken;
    if (taken < this.#batch.count) this.#counters.dropped += 1;
    if (this.#known > KNOWN_MAX) this.#reader = this.#newReader();
  }
}
