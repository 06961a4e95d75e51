import type { TSchema } from '@sinclair/typebox';
import { propertiesOf } from './schema-walk.ts';

/** The key whose fixed words tell the alternatives apart: each has it, and no two have a word in common. */
export function tagOf(branches: readonly TSchema[]): string | undefined {
  const objects = branches.filter((branch) => branch.type === 'object');
  if (objects.length < 2) return undefined;
  return Object.keys(propertiesOf(objects[0] ?? {})).find((name) => {
    const words = objects.map((branch) => choicesOf(propertiesOf(branch)[name]));
    const all = words.flatMap((choices) => choices ?? []);
    return words.every((choices) => choices !== undefined) && new Set(all).size === all.length;
  });
}

/** Fixed words of a schema that is nothing but fixed words. */
export function choicesOf(schema: TSchema | undefined): unknown[] | undefined {
  if (schema === undefined) return undefined;
  if ('const' in schema) return [schema.const];
  if (Array.isArray(schema.enum)) return schema.enum;
  if (!Array.isArray(schema.anyOf)) return undefined;
  const choices = (schema.anyOf as TSchema[]).map(choicesOf);
  return choices.every((choice) => choice !== undefined) ? choices.flat() : undefined;
}
