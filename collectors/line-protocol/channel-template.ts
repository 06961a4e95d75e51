import { CaissonError } from '../../gateway/errors.ts';
import type { SeriesKey } from './series-key.ts';

/** Says which series a channel is of without two series sharing one. */
export const DEFAULT_TEMPLATE = '{measurement}/{tags}/{field}';

type Part = (key: SeriesKey, field: string) => string;

const PLACEHOLDER = /\{([^{}]*)\}/;
const TAG_PREFIX = 'tag.';

/**
 * How measurement, tags and field make a channel's name: `{measurement}`, `{field}`, `{tag.NAME}` the value of one tag,
 * `{tags}` the others as `key=value` and `{values}` as values alone, by the order of their keys. What a line does not
 * have leaves no segment.
 */
export class ChannelTemplate {
  readonly #parts: readonly Part[];

  /** @throws CaissonError `config-invalid` */
  constructor(template: string = DEFAULT_TEMPLATE) {
    const pieces = template.split(PLACEHOLDER);
    const named = new Set(pieces.filter((_, at) => at % 2 === 1).flatMap((name) => tagOf(name) ?? []));
    if (!pieces.some((name, at) => at % 2 === 1 && name === 'field')) {
      throw invalid(template, 'has no {field}: all fields of a line would share a channel');
    }
    this.#parts = pieces.map((piece, at) => (at % 2 === 1 ? placeholder(piece, named, template) : () => piece));
  }

  name(key: SeriesKey, field: string): string {
    return this.#parts.map((part) => part(key, field)).join('');
  }
}

function placeholder(name: string, named: ReadonlySet<string>, template: string): Part {
  const others = ({ tags }: SeriesKey) => tags.filter(([key]) => !named.has(key));
  const tag = tagOf(name);
  if (tag !== undefined) return ({ tags }) => tags.find(([key]) => key === tag)?.[1] ?? '';
  switch (name) {
    case 'measurement':
      return (key) => key.measurement;
    case 'field':
      return (_, field) => field;
    case 'tags':
      return (key) =>
        others(key)
          .map(([tagKey, value]) => `${tagKey}=${value}`)
          .join('/');
    case 'values':
      return (key) =>
        others(key)
          .map(([, value]) => value)
          .join('/');
    default:
      throw invalid(template, `names {${name}}, which no line has`);
  }
}

function tagOf(name: string): string | undefined {
  return name.startsWith(TAG_PREFIX) && name.length > TAG_PREFIX.length ? name.slice(TAG_PREFIX.length) : undefined;
}

function invalid(template: string, what: string): CaissonError {
  return new CaissonError('config-invalid', `line protocol: channel ${template} ${what}`, {
    hint: 'placeholders are {measurement}, {field}, {tags}, {values} and {tag.NAME}',
  });
}
