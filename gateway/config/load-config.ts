import type { Static, TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { type ConfigIssue, configIssue } from './issue.ts';
import { secretKeysOf, walkSchema } from './schema-walk.ts';
import { showValue, validate } from './validate.ts';
import { type ConfigSurroundings, dotted, escapeSegment, YamlSource } from './yaml-source.ts';

/** A rule that a schema cannot say, such as two sections that want the same port. */
export type ConfigRule<Config> = (config: Config) => Iterable<RuleBreach>;

export interface RuleBreach {
  /** Keys from the top to the value that is at fault. */
  readonly path: readonly (string | number)[];
  readonly problem: string;
  readonly hint?: string;
}

export interface LoadConfigOptions<Config> extends ConfigSurroundings {
  readonly rules?: readonly ConfigRule<Config>[];
  /** Makes a path of the file absolute. */
  readonly resolvePath: (path: string) => string;
}

export type LoadedConfig<Config> =
  | { readonly config: Config; readonly issues: readonly [] }
  | { readonly config: undefined; readonly issues: readonly ConfigIssue[] };

/**
 * The config in `text`: checked against `schema` and rules, defaults filled in, paths absolute, frozen through and
 * through. Or else every issue, in the order of the file.
 */
export function loadConfig<Schema extends TSchema>(
  schema: Schema,
  text: string,
  options: LoadConfigOptions<Static<Schema>>,
): LoadedConfig<Static<Schema>> {
  const source = new YamlSource(text, secretKeysOf(schema), options);
  if (source.issues.length > 0) return refused(source.issues);

  // An empty file is one in which everything has its default.
  const written = source.value ?? {};
  const show = (pointer: string, value: unknown) => {
    const origin = source.originOf(pointer);
    return origin === undefined ? showValue(value) : `what ${origin} holds`;
  };
  const misfits = validate(schema, written, show);
  if (misfits.length > 0) {
    return refused(
      misfits.map(({ pointer, at, problem, hint }) => {
        const place = at === 'key' ? source.keyPlace(pointer) : source.valuePlace(pointer);
        return configIssue({ path: dotted(pointer), ...place, problem, ...(hint !== undefined && { hint }) });
      }),
    );
  }

  const config = Value.Default(schema, structuredClone(written)) as Static<Schema>;
  walkSchema(schema, config, (part, holder, key) => {
    const value = holder[key];
    if (part['x-path'] === true && typeof value === 'string') holder[key] = options.resolvePath(value);
  });
  const breaches = (options.rules ?? []).flatMap((rule) => [...rule(config)]);
  if (breaches.length > 0) {
    return refused(
      breaches.map(({ path, problem, hint }) => {
        const pointer = path.map((segment) => `/${escapeSegment(String(segment))}`).join('');
        const place = source.valuePlace(pointer);
        return configIssue({ path: dotted(pointer), ...place, problem, ...(hint !== undefined && { hint }) });
      }),
    );
  }
  return { config: deepFreeze(config), issues: [] };
}

function refused(issues: readonly ConfigIssue[]): { config: undefined; issues: readonly ConfigIssue[] } {
  const unique = new Map(issues.map((issue) => [issue.message, issue]));
  const sorted = [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column);
  return { config: undefined, issues: sorted };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
