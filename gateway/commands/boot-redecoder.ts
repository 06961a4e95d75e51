import { randomBytes } from 'node:crypto';
import type { RedecodePlan, Redecoder } from '../../collectors/redecoder.ts';
import type { Stamp } from '../channel.ts';
import { type ClockReading, UtcMap } from '../clock.ts';
import { CaissonError } from '../errors.ts';
import { type BootRun, type BootRunParts, bootRuns } from '../query/boot-runs.ts';
import type { StoredChannel } from '../query/telemetry.ts';
import type { BlockDb } from '../store/block-db.ts';
import type { KeptBoot } from '../store/block-rows.ts';
import { Coverage, clipped, SPANS_MAX } from '../store/coverage.ts';
import type { DerivationTerms, Span } from '../store/derivation.ts';
import { DerivationWriter } from '../store/derivation-writer.ts';

const NOTHING: Span = { from: 0, to: 0 };

/** What was made of one boot. */
export interface RedecodedBoot {
  readonly boot: string;
  readonly version: number;
  /** Raw samples that were decoded. */
  readonly raw: number;
  readonly samples: number;
  readonly channels: readonly string[];
  /** What it stands for, times as stored. */
  readonly spans: DerivationTerms['spans'];
  /** Raw samples that gave nothing, or less than they should, by reason. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface BootRedecoderParts extends BootRunParts {
  readonly blocks: BlockDb;
  readonly plan: RedecodePlan;
  /** Channel that holds what was kept raw. */
  readonly raw: StoredChannel;
  /** Whether it holds only what was not decoded when it came: what was decoded of the same channels then stays beside it. */
  readonly isPart: boolean;
  /** What is asked for, UTC, microseconds. */
  readonly span: Span;
  /** When it is asked for, UTC, microseconds. */
  readonly made: number;
  readonly version: number;
  readonly onProgress: (boot: string, decoded: number) => void;
}

type ByStamp = Readonly<Record<Stamp, Span>>;

/** Decodes what a boot kept raw and keeps what comes out as a derivation. Belongs in a transaction. */
export class BootRedecoder {
  readonly #parts: BootRedecoderParts;

  constructor(parts: BootRedecoderParts) {
    this.#parts = parts;
  }

  /**
   * What comes of one boot; undefined where nothing that is asked for is in it.
   * @throws CaissonError `derivation-refused`
   */
  redecode(origin: KeptBoot, clock: readonly ClockReading[]): RedecodedBoot | undefined {
    const { blocks, plan, raw, made, version } = this.#parts;
    const map = new UtcMap(clock);
    const within = this.#within(map);
    const hasAny = this.#hasAny(origin, plan.reads === 'boot' ? undefined : within[raw.stamp]);
    if (!hasAny) return undefined;
    const boot = randomBytes(8).toString('hex');
    const writer = new DerivationWriter({ blocks, gateway: origin.gateway, boot, origin, clock, within });
    const redecoder = plan.begin(raw.stamp, writer);
    const { decoded, covered } = this.#feed(origin, redecoder, within[raw.stamp]);
    const spans = this.#spans(covered, within, map);
    if (this.#parts.isPart) this.#keepTaken(origin, writer, redecoder.channels(), within);
    // Samples with the device's own stamp may be of another time than the raw ones they are made of.
    if (writer.samples === 0 && !this.#hasAny(origin, within[raw.stamp])) return undefined;
    const derived = writer.finish({ version, made, spans, recipe: plan.recipe }, redecoder.channels());
    return { boot: origin.boot, version, raw: decoded, ...derived, spans, errors: { ...redecoder.errors } };
  }

  /** Decodes what is needed, and tells where it was there without a hole. */
  #feed(origin: KeptBoot, redecoder: Redecoder, within: Span): { decoded: number; covered: Span[] } {
    const isWhole = this.#parts.plan.reads === 'boot';
    const coverage = new Coverage();
    let isFirst = true;
    let decoded = 0;
    for (const run of this.#runs(origin)) {
      const isNeeded = isWhole || isTouched(run, within);
      const samples = isNeeded || isFirst ? run.load() : undefined;
      if (isNeeded && samples === undefined) continue;
      coverage.add(run);
      for (const [i, text] of (samples?.values ?? []).entries()) {
        const time = samples?.times[i] ?? 0;
        if (!isWhole && !isFirst && (time < within.from || time >= within.to)) continue;
        isFirst = false;
        redecoder.take(time, String(text));
        decoded += 1;
      }
      this.#parts.onProgress(origin.boot, decoded);
    }
    redecoder.end();
    return { decoded, covered: coverage.spans(this.#endSequence(origin)) };
  }

  /** Keeps what was taken in of the channels beside what came out for them. */
  #keepTaken(origin: KeptBoot, writer: DerivationWriter, names: Iterable<string>, within: ByStamp): void {
    const wanted = new Set(names);
    const known = this.#parts.blocks.channelsAfter(0).channels;
    for (const channel of known.filter(({ name, gateway }) => gateway === origin.gateway && wanted.has(name))) {
      const { id: stored, gateway: _, ...spec } = channel;
      const { id } = writer.channel(spec);
      for (const run of bootRuns(this.#parts, stored, origin.id)) {
        if (!isTouched(run, within[channel.stamp])) continue;
        const samples = run.load();
        if (samples === undefined) {
          throw new CaissonError('derivation-refused', `samples of ${channel.name} that were taken in cannot be read`, {
            hint: 'choose a stretch without them',
          });
        }
        for (const [i, value] of samples.values.entries()) {
          const time = samples.times[i] ?? 0;
          if (typeof value === 'number') writer.push(id, time, value);
          else writer.pushText(id, time, value);
        }
      }
    }
  }

  /** True where the boot has raw samples about that time; of any time where none is given. */
  #hasAny(origin: KeptBoot, within: Span | undefined): boolean {
    for (const run of this.#runs(origin)) if (within === undefined || isTouched(run, within)) return true;
    return false;
  }

  #runs(origin: KeptBoot): Generator<BootRun, void, undefined> {
    return bootRuns(this.#parts, this.#parts.raw.id, origin.id);
  }

  /** One past the last sequence number that the boot gave to a raw sample. */
  #endSequence({ id: boot }: KeptBoot): number {
    const { blocks, tail, raw } = this.#parts;
    let end = blocks.nextSequence(raw.id, boot);
    for (const chunk of tail?.chunks(raw.id) ?? []) {
      if (chunk.boot === boot) end = Math.max(end, chunk.endSequence);
    }
    for (const loss of tail?.losses() ?? []) {
      if (loss.channel === raw.id && loss.boot === boot) end = Math.max(end, loss.firstSequence + loss.count);
    }
    return end;
  }

  /** Stored times that are asked for. */
  #within(map: UtcMap): ByStamp {
    const { span, raw } = this.#parts;
    if (raw.stamp === 'device') return { arrival: NOTHING, device: span };
    return { arrival: map.boxStretch(span.from, span.to) ?? NOTHING, device: span };
  }

  /** What the derivation stands for: what is asked for, as far as what it is made of is there. */
  #spans(covered: readonly Span[], within: ByStamp, map: UtcMap): DerivationTerms['spans'] {
    const utc = (time: number) => time + map.offsetAt(time);
    const isUtc = this.#parts.raw.stamp === 'device';
    const device = isUtc ? covered : covered.map(({ from, to }) => ({ from: utc(from), to: utc(to) }));
    const spans = { arrival: clipped(covered, within.arrival), device: clipped(device, within.device) };
    const most = Math.max(spans.arrival.length, spans.device.length);
    if (most <= SPANS_MAX) return spans;
    throw new CaissonError(
      'derivation-refused',
      `what is kept raw has ${most - 1} holes, expected less than ${SPANS_MAX}`,
      {
        hint: 'choose a shorter stretch',
      },
    );
  }
}

function isTouched({ timeMin, timeMax }: BootRun, { from, to }: Span): boolean {
  return timeMax >= from && timeMin < to;
}
