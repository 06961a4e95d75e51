import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { FrameBatch } from '../../hardware/can/can-frame.ts';
import { CandumpFrames } from '../../hardware/can/candump-frame.ts';
import { CollectorCounters } from '../collector.ts';
import type { Recipe, Redecoder, RedecoderContext } from '../redecoder.ts';
import { type CanConfig, type CanSettings, canSettings, checkSettings } from './can-config.ts';
import { CanDecoding } from './can-decoding.ts';
import { Dictionaries } from './dictionary.ts';

/**
 * Decodes frames that were kept raw. The meters of a bus are measured, not decoded, and do not come out again.
 * @throws CaissonError `config-invalid`, `dbc-invalid`
 */
export function createCanRedecoder(config: CanConfig, { source, stamp, sink }: RedecoderContext): Redecoder {
  // What a raw sample's time is was decided when it was taken in.
  const settings = { ...canSettings(config), timestamp: stamp };
  checkSettings({ ...settings, timestamp: canSettings(config).timestamp }, source);
  const frames = new CandumpFrames();
  const batch = new FrameBatch(1);
  const counters = new CollectorCounters();
  const dictionaries = Dictionaries.load(settings);
  const decoding = new CanDecoding(settings, source, dictionaries, frames.interfaces, sink, counters);
  return {
    recipe: canRecipe(settings),
    // The name of the first bus is left out of channel names, so it must be known which one that was.
    reads: 'stretch',
    errors: counters.errors,
    take(time, text) {
      batch.clear();
      const bytes = Buffer.from(text, 'latin1');
      const problem = frames.parse(bytes, 0, bytes.length, Number.NaN, batch);
      if (problem === undefined) decoding.take(batch, 0, time);
      else counters.error(problem);
    },
    end() {},
    *channels() {
      for (const one of decoding.interfaces()) yield* one.channels();
    },
  };
}

/** Settings that decide which samples a frame gives. */
function canRecipe({ dbc, interfaces, prefix }: CanSettings): Recipe {
  const buses = Object.entries(interfaces ?? {}).map(([key, { name, dbc: own }]) => {
    return [key, { ...(name === undefined ? {} : { name }), ...(own === undefined ? {} : { dbc: own.map(digest) }) }];
  });
  return {
    kind: 'can',
    dbc: dbc.map(digest),
    ...(interfaces === undefined ? {} : { interfaces: Object.fromEntries(buses) }),
    ...(prefix === undefined ? {} : { prefix }),
  };
}

function digest(path: string): { file: string; sha256: string } {
  return { file: basename(path), sha256: createHash('sha256').update(readFileSync(path)).digest('hex') };
}
