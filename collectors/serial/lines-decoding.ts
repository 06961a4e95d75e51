import type { Buffer } from 'node:buffer';
import { LineFramer } from './line-framer.ts';
import { type LinesSettings, type LineValueSettings, PLAIN_VALUE, TEXT_LINE_BYTES_MAX } from './lines/lines-config.ts';
import { Pattern } from './lines/pattern.ts';
import type { Outlet } from './outlet.ts';
import type { WireDecoding, WireListener } from './wire-decoding.ts';

interface Group {
  readonly name: string;
  readonly value: LineValueSettings;
  channel: number | undefined;
}

const NUMBER = /^[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?$/;
const HEX = /^(?:0[xX])?[0-9A-Fa-f]{1,13}$/;

/** Lines of text to samples, by the patterns of the config; stamped when their end arrived. */
export class LinesDecoding implements WireDecoding {
  readonly unit = 'line that matches a pattern';
  readonly #outlet: Outlet;
  readonly #listener: WireListener | undefined;
  readonly #rules: readonly { readonly pattern: Pattern; readonly groups: readonly Group[] }[];
  readonly #framer: LineFramer;

  constructor(rules: LinesSettings, outlet: Outlet, listener?: WireListener) {
    this.#outlet = outlet;
    this.#listener = listener;
    this.#rules = rules.map(({ pattern: text, values }) => {
      const pattern = new Pattern(text);
      const groups = pattern.names.map((name) => ({
        name,
        value: { ...PLAIN_VALUE, ...values[name] },
        channel: undefined,
      }));
      return { pattern, groups };
    });
    this.#framer = new LineFramer(TEXT_LINE_BYTES_MAX, {
      line: (bytes) => this.#line(bytes),
      tooLong: () => outlet.damaged('too-long'),
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

  #line(bytes: Buffer): void {
    this.#outlet.begin();
    const line = bytes.toString('utf8');
    for (const { pattern, groups } of this.#rules) {
      const found = pattern.match(line);
      if (found === undefined) continue;
      this.#listener?.understood();
      for (const [index, group] of groups.entries()) {
        const text = found[index]?.trim();
        if (text !== undefined && !this.#value(group, text)) this.#outlet.error('bad-field');
      }
      return;
    }
    this.#outlet.error('no-match');
  }

  /** Pushes what a group took; false where it is not what it should be. */
  #value(group: Group, text: string): boolean {
    const { type, words, scale, offset } = group.value;
    if (type === 'text' && words === undefined) {
      this.#outlet.pushText(this.#channel(group), this.#outlet.arrival, text);
      return true;
    }
    const number = words === undefined ? numberOf(text, type) : words[text];
    if (number === undefined) return false;
    this.#outlet.push(this.#channel(group), this.#outlet.arrival, number * scale + offset);
    return true;
  }

  #channel(group: Group): number {
    group.channel ??= this.#define(group);
    return group.channel;
  }

  #define({ name, value: { name: path, type, words, unit, decimals, description } }: Group): number {
    return this.#outlet.channel({
      path: path ?? name,
      unit,
      type: words !== undefined ? 'enum' : type === 'text' ? 'text' : 'number',
      ...(words === undefined ? {} : { labels: labelsOf(words) }),
      ...(decimals === undefined ? {} : { decimals }),
      ...(description === undefined ? {} : { description }),
    });
  }
}

function labelsOf(words: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(words).map(([word, number]) => [String(number), word]));
}

function numberOf(text: string, type: LineValueSettings['type']): number | undefined {
  if (type === 'hex') return HEX.test(text) ? Number.parseInt(text, 16) : undefined;
  return NUMBER.test(text) ? Number(text.replace(',', '.')) : undefined;
}
