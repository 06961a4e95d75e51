import { type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

const ANYTHING = Type.Any();

/** Keys that hold a secret anywhere in a schema: their schema says `writeOnly`. */
export function secretKeysOf(schema: TSchema): Set<string> {
  const keys = new Set<string>();
  const visit = (part: TSchema): void => {
    for (const [name, property] of Object.entries(propertiesOf(part))) {
      if (property.writeOnly === true) keys.add(name);
      visit(property);
    }
    for (const inner of [...alternativesOf(part), ...recordsOf(part), ...itemsOf(part)]) visit(inner);
  };
  visit(schema);
  return keys;
}

/**
 * Calls `visit` for every value inside `value`, with the schema that describes it and the place where it is held. Of
 * alternatives only the one that fits is walked.
 *
 * @param value must fit the schema
 */
export function walkSchema(
  schema: TSchema,
  value: unknown,
  visit: (part: TSchema, holder: Record<string | number, unknown>, key: string | number) => void,
): void {
  const meant = meantOf(schema, value);
  if (typeof value !== 'object' || value === null) return;
  const holder = value as Record<string | number, unknown>;
  const properties = propertiesOf(meant);
  const [others] = [...recordsOf(meant), ...itemsOf(meant)];
  for (const key of Object.keys(holder)) {
    const part = properties[key] ?? others;
    if (part === undefined) continue;
    visit(meantOf(part, holder[key]), holder, key);
    walkSchema(part, holder[key], visit);
  }
}

/**
 * A copy of `value` in which every key that is not there has its default.
 *
 * @param value must fit the schema; undefined for the schema's own default
 */
export function withDefaults(schema: TSchema, value: unknown): unknown {
  const given = value === undefined ? schema.default : value;
  if (typeof given !== 'object' || given === null) return given;
  const meant = meantOf(schema, given);
  if (Array.isArray(given))
    return given.map((item) => withDefaults((meant.items as TSchema | undefined) ?? ANYTHING, item));
  const properties = propertiesOf(meant);
  const [others = ANYTHING] = recordsOf(meant);
  const keys = new Set([...Object.keys(properties), ...Object.keys(given)]);
  const entries = [...keys].map((key) => {
    return [key, withDefaults(properties[key] ?? others, (given as Record<string, unknown>)[key])] as const;
  });
  return Object.fromEntries(entries.filter(([, filled]) => filled !== undefined));
}

function meantOf(schema: TSchema, value: unknown): TSchema {
  const meant = alternativesOf(schema).find((alternative) => Value.Check(alternative, value));
  return meant === undefined ? schema : meantOf(meant, value);
}

/** Keys that an object schema names. */
export function propertiesOf(schema: Partial<TSchema>): Record<string, TSchema> {
  return (schema.properties as Record<string, TSchema> | undefined) ?? {};
}

/** Alternatives of a union; empty for any other schema. */
export function alternativesOf(schema: TSchema): TSchema[] {
  return (schema.anyOf as TSchema[] | undefined) ?? [];
}

/** What the freely named entries of a record hold. */
export function recordsOf(schema: TSchema): TSchema[] {
  return Object.values((schema.patternProperties as Record<string, TSchema> | undefined) ?? {});
}

/** What a list holds. */
export function itemsOf(schema: TSchema): TSchema[] {
  return schema.items === undefined ? [] : [schema.items as TSchema];
}
