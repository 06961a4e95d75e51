import type { Static, TSchema } from '@sinclair/typebox';
import { type ConfigIssue, configIssue } from './issue.ts';
import { secretKeysOf, walkSchema, withDefaults } from './schema-walk.ts';
import { type Misfit, showValue, validate } from './validate.ts';
import { type ConfigSurroundings, dotted, escapeSegment, segmentsOf, YamlSource } from './yaml-source.ts';

/** A rule that a schema cannot say, such as two sections that want the same port. */
export type ConfigRule<Config> = (config: Config) => Iterable<RuleBreach>;

export interface RuleBreach {
  /** Keys from the top to what is at fault. */
  readonly path: readonly (string | number)[];
  /** Whether its key or its value is pointed at; a value if not said. */
  readonly at?: 'key' | 'value';
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
  const secretKeys = secretKeysOf(schema);
  const source = new YamlSource(text, secretKeys, options);
  if (source.issues.length > 0) return refused(source.issues);

  // An empty file is one in which everything has its default.
  const written = source.value ?? {};
  const show = (pointer: string, value: unknown) => {
    const origin = source.originOf(pointer);
    if (origin !== undefined) return `what ${origin} holds`;
    return secretKeys.has(segmentsOf(pointer).at(-1) ?? '') ? 'something else' : showValue(value);
  };
  const misfits = validate(schema, written, show);
  if (misfits.length > 0) return refused(misfits.map((misfit) => issueOf(misfit, source)));

  const config = withDefaults(schema, written) as Static<Schema>;
  walkSchema(schema, config, (part, holder, key) => {
    const value = holder[key];
    if (part['x-path'] === true && typeof value === 'string') holder[key] = options.resolvePath(value);
  });
  const breaches = (options.rules ?? []).flatMap((rule) => [...rule(config)]);
  if (breaches.length > 0) {
    return refused(
      breaches.map(({ path, at = 'value', ...rest }) => {
        const pointer = path.map((segment) => `/${escapeSegment(String(segment))}`).join('');
        return issueOf({ pointer, at, ...rest }, source);
      }),
    );
  }
  return { config: deepFreeze(config), issues: [] };
}

function issueOf({ pointer, at, problem, hint }: Misfit, source: YamlSource): ConfigIssue {
  const place = at === 'key' ? source.keyPlace(pointer) : source.valuePlace(pointer);
  return configIssue({ path: dotted(pointer), ...place, problem, ...(hint !== undefined && { hint }) });
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
