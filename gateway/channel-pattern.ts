/** Characters of a channel pattern, and wildcards in it; each wildcard may look at all of a name again. */
export const PATTERN_CHARACTERS_MAX = 512;
export const PATTERN_WILDCARDS_MAX = 8;

/**
 * Tells whether a channel's name is meant by a pattern: `*` stands for any characters of one segment, `**` for any number of
 * segments, also none: `car/**` means `car/speed` and `car/engine/rpm`.
 */
export function channelPattern(pattern: string): (name: string) => boolean {
  const source = pattern
    .split(/(\/\*\*$|\*\*\/|\*\*|\*)/)
    .map((part) => WILDCARDS[part] ?? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('');
  const expression = new RegExp(`^${source}$`, 'u');
  return (name) => expression.test(name);
}

const WILDCARDS: Readonly<Record<string, string>> = {
  '/**': '/.+',
  '**/': '(?:.+/)?',
  '**': '.*',
  '*': '[^/]*',
};

/** What is wrong with a pattern; undefined where nothing is. */
export function patternFault(pattern: string): string | undefined {
  if (pattern.length > PATTERN_CHARACTERS_MAX) return `expected ${PATTERN_CHARACTERS_MAX} characters at most`;
  const wildcards = pattern.match(/\*+/g) ?? [];
  if (wildcards.length > PATTERN_WILDCARDS_MAX) return `expected ${PATTERN_WILDCARDS_MAX} wildcards at most`;
  if (wildcards.some((stars) => stars.length > 2)) return 'expected `*` or `**`';
  const isPath = pattern.split('/').every((segment) => segment !== '') && !/\s/.test(pattern);
  return isPath ? undefined : 'no channel has an empty segment or white space in its name';
}
