import { isDeepStrictEqual } from 'node:util';
import { dotted, escapeSegment } from '../yaml-source.ts';
import { KEPT_ON_BOX, parseConfigYaml, redactedYaml, scalarsOf } from './private-yaml.ts';

/** Changes that are told one by one. At the maximum: of further ones it is told how many they are. */
const CHANGES_MAX = 500;

/** What differs between two configs at one place. */
export interface ConfigChange {
  readonly path: string;
  /** Missing where it comes anew. */
  readonly before?: string;
  /** Missing where it goes. */
  readonly after?: string;
}

/** Every place at which two configs differ, in words that hold no secret; of a secret that changed, only that it did. */
export function configChanges(before: string, after: string, secretKeys: ReadonlySet<string>): ConfigChange[] {
  const [old, fresh] = [before, after].map((text) => leaves(redactedYaml(text, secretKeys)));
  const changed = changedSecrets(before, after, secretKeys);
  const changes: ConfigChange[] = [];
  for (const pointer of new Set([...(old?.keys() ?? []), ...(fresh?.keys() ?? [])])) {
    const [from, to] = [old?.get(pointer), fresh?.get(pointer)];
    if (from === to && !changed.has(pointer)) continue;
    changes.push({
      path: dotted(pointer),
      ...(from !== undefined && { before: from }),
      ...(to !== undefined && { after: changed.has(pointer) ? '(another secret)' : to }),
    });
  }
  const more = changes.length - CHANGES_MAX;
  return more <= 0 ? changes : [...changes.slice(0, CHANGES_MAX), { path: `and ${more} more` }];
}

/** Places of secrets that are other ones than before. */
function changedSecrets(before: string, after: string, secretKeys: ReadonlySet<string>): Set<string> {
  const secrets = (text: string) =>
    new Map(
      [...scalarsOf(parseConfigYaml(text).contents, secretKeys)]
        .filter(({ isSecret }) => isSecret)
        .map(({ pointer, scalar }) => [pointer, scalar.value]),
    );
  const [old, fresh] = [secrets(before), secrets(after)];
  return new Set(
    [...fresh].filter(([at, value]) => old.has(at) && !isDeepStrictEqual(old.get(at), value)).map(([at]) => at),
  );
}

/** Everything that stands in a config, as text by its place. */
function leaves(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (value: unknown, pointer: string): void => {
    const isHolder = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
    if (!isHolder) {
      if (pointer !== '') found.set(pointer, value === KEPT_ON_BOX ? KEPT_ON_BOX : JSON.stringify(value));
      return;
    }
    for (const [key, inner] of Object.entries(value)) visit(inner, `${pointer}/${escapeSegment(key)}`);
  };
  visit(parseConfigYaml(text).toJS(), '');
  return found;
}
