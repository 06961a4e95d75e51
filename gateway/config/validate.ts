import type { TSchema } from '@sinclair/typebox';
import { Ajv, type ErrorObject } from 'ajv';
import { nearestName } from './nearest-name.ts';
import { neededOf } from './needed-schema.ts';
import { propertiesOf } from './schema-walk.ts';
import { choicesOf, tagOf } from './union-tag.ts';

/** One way in which a value does not fit its schema. */
export interface Misfit {
  /** JSON pointer of the value, or of the key when `at` is `key`. */
  readonly pointer: string;
  readonly at: 'key' | 'value';
  readonly problem: string;
  readonly hint?: string;
}

/** Characters of a value shown in a message. */
const SHOWN_CHARACTERS_MAX = 60;

/**
 * Annotations that sections may carry beside what JSON Schema knows: a path is resolved against the file's folder; what a
 * pattern allows, in words, stands on the text or, for names, on whatever holds them.
 */
const ANNOTATIONS = ['x-path', 'x-pattern'];

/**
 * All misfits of `value`, empty when it fits. Where a schema offers alternatives, only the one that was meant is
 * reported: the one whose fixed words (such as `type: mqtt`) fit, or else the choice itself.
 *
 * @param show how a value is printed: what came from a secret must not be
 */
export function validate(schema: TSchema, value: unknown, show: (pointer: string, value: unknown) => string): Misfit[] {
  const ajv = new Ajv({
    ...{ allErrors: true, verbose: true, strict: true, strictTypes: false, strictRequired: false },
    // The schema is the program's own; to hold it against the schema of schemas first takes as long as all else.
    ...{ meta: false, validateSchema: false },
    // The code that it writes is run once: to make it shorter takes longer than that, while a box that comes back waits.
    code: { optimize: false },
  });
  ajv.addVocabulary(ANNOTATIONS);
  if (ajv.validate(neededOf(schema, value), value)) return [];
  return settleUnions(ajv.errors ?? []).map((error) => ('misfit' in error ? error.misfit : explain(error, show)));

  function settleUnions(errors: readonly ErrorObject[]): (ErrorObject | { misfit: Misfit })[] {
    const [union] = errors.filter(isUnion).sort((a, b) => a.schemaPath.length - b.schemaPath.length);
    if (union === undefined) return [...errors];
    const inside = errors.filter((error) => isInside(error, union));
    const outside = errors.filter((error) => error !== union && !isInside(error, union));
    const meant = meantBranch(union, inside);
    return [...settleUnions(outside), ...(Array.isArray(meant) ? settleUnions(meant) : [{ misfit: meant }])];
  }

  function meantBranch(union: ErrorObject, inside: readonly ErrorObject[]): ErrorObject[] | Misfit {
    const branches = union.schema as readonly TSchema[];
    const errorsOf = branches.map((_, index) =>
      inside.filter((error) => error.schemaPath.startsWith(`${union.schemaPath}/${index}/`)),
    );
    const isObject = typeof union.data === 'object' && union.data !== null && !Array.isArray(union.data);
    const tag = isObject ? tagOf(branches) : undefined;
    const wrong = new Set([union.instancePath, ...(tag === undefined ? [] : [`${union.instancePath}/${tag}`])]);
    const fitting = errorsOf.filter((errors) => !errors.some((error) => isOfOtherKind(error, wrong, tag)));
    // Which keys are there tells what was meant; a wrong value under a right key does not.
    const strangeKeys = (errors: readonly ErrorObject[]) =>
      errors.filter((error) => error.instancePath === union.instancePath && KEY_MISFITS.has(error.keyword)).length;
    fitting.sort((a, b) => strangeKeys(a) - strangeKeys(b) || a.length - b.length);
    return fitting[0] ?? choiceMisfit(union, branches, tagOf(branches), show);
  }
}

/** How a value has keys that its schema does not, or lacks some. */
const KEY_MISFITS: ReadonlySet<string> = new Set(['additionalProperties', 'required']);

function isUnion(error: ErrorObject): boolean {
  return error.keyword === 'anyOf' || error.keyword === 'oneOf';
}

function isInside(error: ErrorObject, union: ErrorObject): boolean {
  return (
    error.schemaPath.startsWith(`${union.schemaPath}/`) &&
    (error.instancePath === union.instancePath || error.instancePath.startsWith(`${union.instancePath}/`))
  );
}

function isOfOtherKind(error: ErrorObject, wrong: ReadonlySet<string>, tag: string | undefined): boolean {
  if (error.keyword === 'required') return error.params.missingProperty === tag;
  return wrong.has(error.instancePath) && ['type', 'const', 'enum', 'anyOf'].includes(error.keyword);
}

function choiceMisfit(
  union: ErrorObject,
  branches: readonly TSchema[],
  tag: string | undefined,
  show: (pointer: string, value: unknown) => string,
): Misfit {
  if (tag === undefined) {
    const expected = [...new Set(branches.map(describe))].join(' or ');
    const words = branches.flatMap((branch) => choicesOf(branch) ?? []);
    return wrongValue(union.instancePath, union.data, expected, words, show);
  }
  const words = branches.flatMap((branch) => choicesOf(propertiesOf(branch)[tag]) ?? []);
  const expected = [...new Set(words)].map((word) => JSON.stringify(word)).join(', ');
  if (typeof union.data !== 'object' || union.data === null || Array.isArray(union.data)) {
    return wrongValue(
      union.instancePath,
      union.data,
      `keys with values, of which ${tag} is one of ${expected}`,
      [],
      show,
    );
  }
  const met: unknown = (union.data as Record<string, unknown>)[tag];
  if (met === undefined) {
    return { pointer: union.instancePath, at: 'key', problem: `needs the key ${tag}`, hint: `one of ${expected}` };
  }
  return wrongValue(`${union.instancePath}/${tag}`, met, `one of ${expected}`, words, show);
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'keys with values',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  null: 'nothing',
};

function describe(schema: TSchema): string {
  const choices = choicesOf(schema);
  if (choices !== undefined) return choices.map((choice) => JSON.stringify(choice)).join(' or ');
  const keys = schema.type === 'object' ? ((schema.required as string[] | undefined) ?? []) : [];
  if (keys.length > 0) return `${keys.length === 1 ? 'the key' : 'the keys'} ${keys.join(' and ')}`;
  return TYPE_NAMES[String(schema.type)] ?? 'another value';
}

/** What a pattern allows, in words where its schema has them. */
function allowedBy(pattern: unknown, schema: Partial<TSchema> | undefined): string {
  return typeof schema?.['x-pattern'] === 'string' ? schema['x-pattern'] : `text that fits ${String(pattern)}`;
}

function explain(error: ErrorObject, show: (pointer: string, value: unknown) => string): Misfit {
  const { instancePath: pointer, keyword, params, parentSchema, data } = error;
  const wrong = (expected: string) => wrongValue(pointer, data, expected, [], show);
  switch (keyword) {
    case 'additionalProperties': {
      const key = String(params.additionalProperty);
      const own = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const [pattern] = Object.keys((parentSchema?.patternProperties as object | undefined) ?? {});
      if (pattern !== undefined) {
        return {
          pointer: own,
          at: 'key',
          problem: `${JSON.stringify(key)} is not a name`,
          hint: `expected ${allowedBy(pattern, parentSchema)}`,
        };
      }
      const near = nearestName(key, Object.keys((parentSchema?.properties as object | undefined) ?? {}));
      return { pointer: own, at: 'key', problem: 'unknown key', ...(near && { hint: `did you mean ${near}?` }) };
    }
    case 'required':
      return { pointer, at: 'key', problem: `needs the key ${String(params.missingProperty)}` };
    case 'type':
      return wrong(TYPE_NAMES[String(params.type)] ?? String(params.type));
    case 'const':
      return wrongValue(pointer, data, JSON.stringify(params.allowedValue), [params.allowedValue], show);
    case 'enum': {
      const words = params.allowedValues as unknown[];
      return wrongValue(pointer, data, `one of ${words.map((word) => JSON.stringify(word)).join(', ')}`, words, show);
    }
    case 'minimum':
      return wrong(`at least ${params.limit}`);
    case 'maximum':
      return wrong(`at most ${params.limit}`);
    case 'exclusiveMinimum':
      return wrong(`more than ${params.limit}`);
    case 'exclusiveMaximum':
      return wrong(`less than ${params.limit}`);
    case 'minLength':
      return wrong(params.limit === 1 ? 'text that is not empty' : `at least ${params.limit} characters`);
    case 'maxLength':
      return wrong(`at most ${params.limit} characters`);
    case 'minItems':
      return wrong(`at least ${params.limit} in the list`);
    case 'maxItems':
      return wrong(`at most ${params.limit} in the list`);
    case 'minProperties':
      return wrong(`at least ${params.limit} ${params.limit === 1 ? 'key' : 'keys'}`);
    case 'pattern':
      return wrong(allowedBy(params.pattern, parentSchema));
    default:
      return { pointer, at: 'value', problem: `${error.message ?? keyword}, got ${show(pointer, data)}` };
  }
}

function wrongValue(
  pointer: string,
  met: unknown,
  expected: string,
  words: readonly unknown[],
  show: (pointer: string, value: unknown) => string,
): Misfit {
  const near =
    typeof met === 'string'
      ? nearestName(
          met,
          words.filter((word) => typeof word === 'string'),
        )
      : undefined;
  const problem = `expected ${expected}, got ${show(pointer, met)}`;
  return { pointer, at: 'value', problem, ...(near !== undefined && { hint: `did you mean ${near}?` }) };
}

/** A value as a message shows it: a word or number, cut; of anything larger only what it is, for a secret may be inside. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'keys with values';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}
