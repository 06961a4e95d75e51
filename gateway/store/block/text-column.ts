import { Buffer } from 'node:buffer';
import { TEXT_SAMPLE_BYTES_MAX } from '../../limits.ts';
import { type ByteReader, ByteWriter } from '../bytes.ts';
import type { ColumnEncoding } from './column.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';

/** Encodings of text (BLOCK-8). A text is UTF-8; a lone surrogate is none and is kept as U+FFFD. */

/** Every text on its own. */
const plain: ColumnEncoding<readonly string[]> = {
  id: 0,
  name: 'plain',
  encode: (texts: readonly string[]) => withTexts(texts),
  decode: readTexts,
};

/** The distinct texts in the order they appear, then which one each sample is. */
const dictionary: ColumnEncoding<readonly string[]> = {
  id: 1,
  name: 'dictionary',
  encode(texts: readonly string[]) {
    const codes = new Map<string, number>();
    for (const text of texts) if (!codes.has(text)) codes.set(text, codes.size);
    if (codes.size === texts.length) return [];
    const entries = smallest(withTexts([...codes.keys()]));
    return encodeIntegers(Float64Array.from(texts, (text) => codes.get(text) ?? 0)).map((run) => {
      const out = new ByteWriter(8 + entries.length + run.length);
      out.varint(codes.size);
      out.bytes(entries);
      out.bytes(run);
      return out.toBytes();
    });
  },
  decode(content: ByteReader, count: number) {
    const size = content.varintUpTo(count, '8.3', 'number of dictionary entries');
    if (size === 0) content.fail('8.3', 'number of dictionary entries is 0, expected at least 1');
    const entries = readTexts(content, size);
    const codes = new Float64Array(count);
    decodeIntegers(content, codes);
    return Array.from(
      codes,
      (code) => entries[code] ?? content.fail('8.3', `code is ${code}, the dictionary has ${size} entries`),
    );
  },
};

export const TEXT_ENCODINGS: readonly ColumnEncoding<readonly string[]>[] = [plain, dictionary];

/** Lengths in bytes as a run of integers, then the bytes of all texts. */
function withTexts(texts: readonly string[]): Uint8Array[] {
  const bytes = Buffer.from(texts.join(''), 'utf8');
  return encodeIntegers(Float64Array.from(texts, (text) => Buffer.byteLength(text))).map((lengths) => {
    const out = new ByteWriter(lengths.length + bytes.length);
    out.bytes(lengths);
    out.bytes(bytes);
    return out.toBytes();
  });
}

function readTexts(content: ByteReader, count: number): string[] {
  const lengths = new Float64Array(count);
  decodeIntegers(content, lengths);
  return Array.from(lengths, (length) => {
    if (!(length >= 0 && length <= TEXT_SAMPLE_BYTES_MAX)) {
      content.fail('8.1', `length of a text is ${length}, expected 0 to ${TEXT_SAMPLE_BYTES_MAX}`);
    }
    return content.utf8(length, '8.1', 'a text');
  });
}

function smallest(forms: readonly Uint8Array[]): Uint8Array {
  return forms.reduce((best, form) => (form.length < best.length ? form : best));
}
