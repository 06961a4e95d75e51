import { type TSchema, Type } from '@sinclair/typebox';
import { alternativesOf, propertiesOf, recordsOf } from './schema-walk.ts';
import { choicesOf, tagOf } from './union-tag.ts';

const ANYTHING = Type.Any();

/**
 * What is needed of a schema to tell how `value` does not fit it: nothing of keys that are not there, and of alternatives only
 * the one that its tag names (`type: mqtt`). A box that comes back after a power cut waits for its schema to be compiled; with
 * three sources that takes little more than half the time so.
 */
export function neededOf(schema: TSchema, value: unknown): TSchema {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return schema;
  const given = value as Record<string, unknown>;
  const alternatives = alternativesOf(schema);
  if (alternatives.length > 0) {
    const [named, ...others] = namedBy(alternatives, given);
    return named === undefined || others.length > 0 ? schema : neededOf(named, given);
  }
  const properties = Object.entries(propertiesOf(schema)).map(([name, property]) => {
    return [name, Object.hasOwn(given, name) ? neededOf(property, given[name]) : ANYTHING] as const;
  });
  const values = Object.values(given);
  const records = Object.entries((schema.patternProperties as Record<string, TSchema> | undefined) ?? {});
  return {
    ...schema,
    ...(properties.length > 0 && { properties: Object.fromEntries(properties) }),
    ...(recordsOf(schema).length > 0 && {
      patternProperties: Object.fromEntries(records.map(([name, record]) => [name, neededOfAll(record, values)])),
    }),
  };
}

/** Of the alternatives for any of `values` those that they name; all of them where one names none. */
function neededOfAll(schema: TSchema, values: readonly unknown[]): TSchema {
  if (values.length === 0) return ANYTHING;
  if (values.length === 1) return neededOf(schema, values[0]);
  const alternatives = alternativesOf(schema);
  const named = values.map((value) => namedBy(alternatives, value));
  if (named.some(({ length }) => length !== 1)) return schema;
  return { ...schema, anyOf: [...new Set(named.flat())] };
}

/** Alternatives whose tag is that of `value`. */
function namedBy(alternatives: readonly TSchema[], value: unknown): TSchema[] {
  const tag = tagOf(alternatives);
  if (tag === undefined || typeof value !== 'object' || value === null || !Object.hasOwn(value, tag)) return [];
  const word = (value as Record<string, unknown>)[tag];
  return alternatives.filter((alternative) => choicesOf(propertiesOf(alternative)[tag])?.includes(word));
}
