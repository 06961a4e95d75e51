import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { SampleSink } from '../../gateway/intake.ts';
import type { Recipe } from '../../gateway/store/derivation.ts';
import { FrameBatch } from '../../hardware/can/can-frame.ts';
import { CandumpFrames } from '../../hardware/can/candump-frame.ts';
import { CollectorCounters } from '../collector.ts';
import type { RedecodePlan, Redecoder } from '../redecoder.ts';
import { type CanConfig, type CanSettings, canSettings, checkSettings } from './can-config.ts';
import { CanDecoding } from './can-decoding.ts';
import { Dictionaries } from './dictionary.ts';

/**
 * How frames that were kept raw are decoded. The meters of a bus are measured, not decoded, and do not come out again.
 * @throws CaissonError `config-invalid`, `dbc-invalid`
 */
export function planCanRedecode(config: CanConfig, source: string): RedecodePlan {
  const settings = canSettings(config);
  checkSettings(settings, source);
  const dictionaries = Dictionaries.load(settings);
  return {
    recipe: canRecipe(settings),
    // The name of the first bus is left out of channel names, so it must be known which one that was.
    reads: 'stretch',
    // What the time of a raw sample is was decided when it was taken in.
    begin: (stamp, sink) => new CanRedecoder({ ...settings, timestamp: stamp }, source, dictionaries, sink),
  };
}

class CanRedecoder implements Redecoder {
  readonly #frames = new CandumpFrames();
  readonly #batch = new FrameBatch(1);
  readonly #counters = new CollectorCounters();
  readonly #decoding: CanDecoding;
  #isFirst = true;

  constructor(settings: CanSettings, source: string, dictionaries: Dictionaries, sink: SampleSink) {
    const { interfaces } = this.#frames;
    this.#decoding = new CanDecoding(settings, source, dictionaries, interfaces, sink, this.#counters);
  }

  get errors(): Readonly<Record<string, number>> {
    return this.#counters.errors;
  }

  take(time: number, text: string): void {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    this.#batch.clear();
    const bytes = Buffer.from(text, 'latin1');
    const problem = this.#frames.parse(bytes, 0, bytes.length, Number.NaN, this.#batch);
    if (problem === undefined) this.#decoding.take(this.#batch, 0, time);
    else if (isFirst && text !== '' && !text.includes(' ')) this.#frames.meet(text);
    else this.#counters.error(problem);
  }

  end(): void {}

  *channels(): IterableIterator<string> {
    for (const one of this.#decoding.interfaces()) yield* one.channels();
  }
}

/** Settings that decide which samples a frame gives. */
export function canRecipe({ dbc, interfaces, protocol, obd, prefix }: CanSettings): Recipe {
  const buses = Object.entries(interfaces ?? {}).map(([key, { name, dbc: own }]) => {
    return [key, { ...(name === undefined ? {} : { name }), ...(own === undefined ? {} : { dbc: own.map(digest) }) }];
  });
  return {
    kind: 'can',
    dbc: dbc.map(digest),
    ...(interfaces === undefined ? {} : { interfaces: Object.fromEntries(buses) }),
    ...(protocol !== undefined && { protocol }),
    ...(obd !== undefined && { obd: true }),
    ...(prefix === undefined ? {} : { prefix }),
  };
}

function digest(path: string): { file: string; sha256: string } {
  return { file: basename(path), sha256: createHash('sha256').update(readFileSync(path)).digest('hex') };
}
