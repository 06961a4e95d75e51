import type { TSchema } from '@sinclair/typebox';
import { alternativesOf, itemsOf, propertiesOf, recordsOf } from './schema-walk.ts';

/** A Markdown table of all keys of a section: key, what it takes, default, meaning. What is named freely stands as `NAME`. */
export function schemaTable(schema: TSchema): string {
  // Alternatives have most of their keys in common.
  const rows = new Set([...rowsOf(schema, ''), ...rowsOfNamed(schema)]);
  return ['| Key | Takes | Default | Meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function rowsOf(schema: TSchema, prefix: string): string[] {
  const required = new Set((schema.required as string[] | undefined) ?? []);
  return Object.entries(propertiesOf(schema)).flatMap(([name, property]) => {
    const key = `${prefix}${name}`;
    const standard = defaultOf(property, required.has(name));
    const meaning = String(property.description ?? '');
    const row = [`\`${key}\``, takes(property), standard, meaning].map((cell) => cell.replaceAll('|', '\\|'));
    return [`| ${row.join(' | ')} |`, ...innerRows(property, key)];
  });
}

function rowsOfNamed(schema: TSchema): string[] {
  return recordsOf(schema).flatMap((entry) => innerRowsOfItem(entry, 'NAME'));
}

function innerRows(property: TSchema, key: string): string[] {
  if (property.type === 'array') return itemsOf(property).flatMap((item) => innerRowsOfItem(item, `${key}[]`));
  const alternatives = alternativesOf(property);
  return alternatives.length > 0
    ? alternatives.flatMap((alternative) => innerRows(alternative, key))
    : rowsOf(property, `${key}.`);
}

function innerRowsOfItem(item: TSchema, key: string): string[] {
  const alternatives = alternativesOf(item);
  return (alternatives.length > 0 ? alternatives : [item]).flatMap((part) => rowsOf(part, `${key}.`));
}

function defaultOf(property: TSchema, isRequired: boolean): string {
  const standard = property.default;
  if (standard === undefined) return isRequired ? 'required' : '';
  const isEmpty = typeof standard === 'object' && standard !== null && Object.keys(standard).length === 0;
  if (isEmpty && property.type === 'object') return '';
  return `\`${JSON.stringify(standard).replace(/^"(.+)"$/, '$1')}\``;
}

/** What may be written: fixed words, or a type with its range. */
function takes(schema: TSchema): string {
  if ('const' in schema) return `\`${String(schema.const)}\``;
  const alternatives = alternativesOf(schema);
  if (alternatives.length > 0) return [...new Set(alternatives.map(takes))].join(', ');
  if (schema.type === 'array') return `list of ${itemsOf(schema).map(takes).join(', ')}`;
  if (schema.type === 'object') return 'keys';
  if (schema.type === 'string') return schema['x-path'] === true ? 'path' : 'text';
  if (schema.type === 'boolean') return '`true`, `false`';
  const name = schema.type === 'integer' ? 'whole number' : 'number';
  const { minimum, maximum } = schema as { minimum?: number; maximum?: number };
  if (minimum !== undefined && maximum !== undefined) return `${name}, ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${name}, at least ${minimum}`;
  return maximum === undefined ? name : `${name}, at most ${maximum}`;
}
