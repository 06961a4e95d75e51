import type { TSchema } from '@sinclair/typebox';
import { stringify } from 'yaml';
import { alternativesOf, itemsOf, propertiesOf } from './schema-walk.ts';

/** Columns of a comment line before its indent. */
const REMARK_COLUMNS = 100;

/**
 * One section as a config file shows it: each key under its meaning, with its default, or, behind a `#`, with an
 * example. A section in which nothing is set stands behind `#` as a whole.
 *
 * @param title line above the section
 * @param asComment true to put all of it behind `#`
 * @returns lines without line ends
 */
export function sampleSection(name: string, schema: TSchema, title: string, asComment = false): string[] {
  const body = Object.keys(propertiesOf(schema)).length > 0 ? sampleKeys(schema) : sampleEntries(schema);
  return [...remark(title), ...holder(name, body, asComment)];
}

/** Of a section with names of the user's own: the first example, behind `#`. */
function sampleEntries(schema: TSchema): string[] {
  const [example = {}] = (schema.examples as Record<string, unknown>[] | undefined) ?? [];
  return comment(Object.entries(example).map(([key, value]) => `${key}: ${inline(value)}`));
}

/** A key with what stands under it; behind a `#` where nothing under it is set, because a key alone would hold nothing. */
function holder(key: string, body: readonly string[], asComment = false): string[] {
  const isSet = !asComment && body.some((line) => line !== '' && !/^ *#/.test(line));
  const lines = [`${key}:`, ...indent(body)];
  return isSet ? lines : comment(lines);
}

/** Text as comment lines, broken between words. */
function remark(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + word.length < REMARK_COLUMNS) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`# ${word}`);
  }
  return lines;
}

/** Puts lines one level further in. */
export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '' ? '' : `  ${line}`));
}

/** Puts settings behind a `#`, which stands where the setting would; comments stay as they are. */
export function comment(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^( *)(?=[^# ])/, '$1#'));
}

function sampleKeys(schema: TSchema): string[] {
  const required = new Set((schema.required as string[] | undefined) ?? []);
  return Object.entries(propertiesOf(schema)).flatMap(([key, property]) => {
    const about = property.description === undefined ? [] : remark(property.description);
    const part = property.default === undefined ? (alternativesOf(property)[0] ?? property) : property;
    if (part.type === 'object' && Object.keys(propertiesOf(part)).length > 0) {
      return [...about, ...holder(key, sampleKeys(part))];
    }
    if (property.default !== undefined) return [...about, `${key}: ${inline(property.default)}`];
    const setting = `${key}: ${inline(exampleOf(part))}`;
    return [...about, ...(required.has(key) ? [setting] : comment([setting]))];
  });
}

/** The first example that a schema gives, or the least that fits it. */
function exampleOf(schema: TSchema): unknown {
  if ('const' in schema) return schema.const;
  const [example = schema.default] = (schema.examples as unknown[] | undefined) ?? [];
  if (example !== undefined) return example;
  const [alternative] = alternativesOf(schema);
  if (alternative !== undefined) return exampleOf(alternative);
  switch (schema.type) {
    case 'string':
      return 'text';
    case 'boolean':
      return true;
    case 'array':
      return itemsOf(schema).map(exampleOf);
    case 'object':
      return leastOf(schema);
    default:
      return schema.minimum ?? 0;
  }
}

/** The keys that an object must have. */
function leastOf(schema: TSchema): Record<string, unknown> {
  const properties = propertiesOf(schema);
  const required = (schema.required as string[] | undefined) ?? [];
  return Object.fromEntries(
    required.flatMap((key) => {
      const property = properties[key];
      return property === undefined ? [] : [[key, exampleOf(property)]];
    }),
  );
}

function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}
