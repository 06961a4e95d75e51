import { Buffer } from 'node:buffer';
import { TEXT_SAMPLE_BYTES_MAX } from '../../limits.ts';
import type { ByteReader } from '../bytes.ts';
import type { ColumnEncoding, ColumnForm, ColumnKind } from './column.ts';
import { type Form, formsOfIntegers } from './integer-forms.ts';
import { decodeIntegers } from './integers.ts';

/** Every text on its own. */
const plain: ColumnEncoding<readonly string[]> = {
  id: 0,
  name: 'plain',
  decode: readTexts,
};

/** The distinct texts in the order they appear, then which one each sample is. */
const dictionary: ColumnEncoding<readonly string[]> = {
  id: 1,
  name: 'dictionary',
  decode(content: ByteReader, count: number) {
    const size = content.varintUpTo(count, '8.3', 'number of dictionary entries');
    if (size === 0) content.fail('8.3', 'number of dictionary entries is 0, expected at least 1');
    const entries = readTexts(content, size);
    return Array.from(
      decodeIntegers(content, count),
      (code) => entries[code] ?? content.fail('8.3', `code is ${code}, the dictionary has ${size} entries`),
    );
  },
};

/** Columns of text (BLOCK-8). A text is UTF-8; a lone surrogate is none and is kept as U+FFFD. */
export const TEXT_ENCODINGS: ColumnKind<readonly string[]> = {
  encodings: [plain, dictionary],
  formsOf: (texts) => [...plainForms(texts), ...dictionaryForms(texts)],
};

function plainForms(texts: readonly string[]): ColumnForm[] {
  return formsOfTexts(texts).map((form) => ({ id: plain.id, ...form }));
}

function dictionaryForms(texts: readonly string[]): ColumnForm[] {
  const codes = new Map<string, number>();
  for (const text of texts) if (!codes.has(text)) codes.set(text, codes.size);
  if (codes.size === texts.length) return [];
  const entries = formsOfTexts([...codes.keys()]).reduce((best, form) => (form.bytes < best.bytes ? form : best));
  return formsOfIntegers(Float64Array.from(texts, (text) => codes.get(text) ?? 0)).map((run) => ({
    id: dictionary.id,
    bytes: entries.bytes + run.bytes,
    compressedBytes: entries.compressedBytes + run.compressedBytes,
    write(out) {
      out.varint(codes.size);
      entries.write(out);
      run.write(out);
    },
  }));
}

/** Lengths in bytes as a run of integers, then the bytes of all texts. */
function formsOfTexts(texts: readonly string[]): Form[] {
  const bytes = Buffer.from(texts.join(''), 'utf8');
  return formsOfIntegers(Float64Array.from(texts, (text) => Buffer.byteLength(text))).map((lengths) => ({
    bytes: lengths.bytes + bytes.length,
    compressedBytes: lengths.compressedBytes + bytes.length / TEXT_COMPRESSION,
    write(out) {
      lengths.write(out);
      out.bytes(bytes);
    },
  }));
}

/** What zstd makes of text, about. */
const TEXT_COMPRESSION = 3;

function readTexts(content: ByteReader, count: number): string[] {
  return Array.from(decodeIntegers(content, count), (length) => {
    if (!(length >= 0 && length <= TEXT_SAMPLE_BYTES_MAX)) {
      content.fail('8.1', `length of a text is ${length}, expected 0 to ${TEXT_SAMPLE_BYTES_MAX}`);
    }
    return content.utf8(length, '8.1', 'a text');
  });
}
