import { type FromItem, identifierAt, outerTokens, type Span, type SqlText, wordAt } from './select-parts.ts';

/** The text of a span, in which further references may be narrowed already. */
export type Slice = (span: Span) => string;

/** An expression that SQLite is to evaluate once more, as an argument of the table it narrows. */
interface Value {
  readonly sql: (slice: Slice) => string;
  /** What of the statement it repeats. */
  readonly sides: readonly Span[];
  /** True where it depends on no other table. */
  readonly isFixed: boolean;
}

/**
 * What a condition says of one reference to `samples`: a bound of its time, or an expression for a condition on names
 * ({@link NameSelector}) in JSON.
 */
export interface Narrowing extends Value {
  readonly kind: 'from' | 'to' | 'names';
  readonly item: FromItem;
}

/** Finds which reference a column belongs to: a qualifier or undefined, and the column's name, both lower case. */
export type ResolveColumn = (qualifier: string | undefined, column: string) => FromItem | undefined;

const NAME_COLUMNS = new Set(['channel', 'gateway']);
const MIRRORED: Readonly<Record<string, string>> = { '=': '=', '==': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' };
const COMPARISONS = new Set([...Object.keys(MIRRORED), '<>', '!=']);
/** Words that bind looser than, or like, a comparison: where one stands in a right side, it is no right side. */
const LOOSE_WORDS = new Set(
  (
    'and or not is in like glob match regexp between collate escape isnull notnull case when then else end ' +
    'distinct select from where as filter over'
  ).split(' '),
);
const LOOSE_MARKS = new Set([',', ';', ...COMPARISONS]);
const LITERAL_WORDS = new Set(['null', 'true', 'false', 'current_time', 'current_date', 'current_timestamp']);
/** What would have another value when it is evaluated once more. */
const UNSTABLE = new Set(['random', 'randomblob']);

/** The narrowings that are true wherever the condition is. What is not understood gives none. */
export function narrowingsOf(text: SqlText, condition: Span, resolve: ResolveColumn): Narrowing[] {
  const terms = splitAt(text, condition, 'and');
  if (terms === undefined) return alternatives(text, condition, resolve);
  return terms.flatMap((term) => {
    const inner = unwrapped(text, term);
    if (inner !== undefined) return narrowingsOf(text, inner, resolve);
    return comparison(text, term, resolve) ?? between(text, term, resolve) ?? oneWord(text, term, resolve) ?? [];
  });
}

/** `channel = 'a' OR channel LIKE 'b%'`: narrows where every alternative speaks of names of the same reference. */
function alternatives(text: SqlText, condition: Span, resolve: ResolveColumn): Narrowing[] {
  const conditions = (splitAt(text, condition, 'or') ?? []).map((each) => narrowingsOf(text, each, resolve));
  const names = conditions.flatMap((each) => (each.length === 1 && each[0]?.kind === 'names' ? each : []));
  const [first] = names;
  if (first === undefined || names.length < conditions.length || names.some(({ item }) => item !== first.item))
    return [];
  return [{ kind: 'names', item: first.item, ...callOf(`json_array('any', `, names, (sql) => `json(${sql})`) }];
}

/** The operands of a chain of ANDs, or of ORs; undefined where ANDs are in a chain of ORs, or CASE hides what is what. */
function splitAt(text: SqlText, span: Span, operator: 'and' | 'or'): Span[] | undefined {
  const parts: Span[] = [];
  let start = span.start;
  let isBetween = false;
  for (const i of outerTokens(text, span)) {
    const word = wordAt(text, i);
    if (word === 'case') return undefined;
    if (word === 'between') isBetween = true;
    else if (word === 'and' && isBetween) isBetween = false;
    else if (word === operator) {
      parts.push({ start, end: i });
      start = i + 1;
    } else if (word === 'or') return undefined;
  }
  return [...parts, { start, end: span.end }];
}

/** What stands in the parentheses that are all of a term; undefined where it is another term, or a sub-query. */
function unwrapped({ closing, tokens }: SqlText, { start, end }: Span): Span | undefined {
  if (closing.get(start) !== end - 1) return undefined;
  const first = tokens[start + 1]?.key ?? '';
  return ['select', 'with', 'values'].includes(first) ? undefined : { start: start + 1, end: end - 1 };
}

/** `column OP value` or `value OP column`. */
function comparison(text: SqlText, term: Span, resolve: ResolveColumn): Narrowing[] | undefined {
  const found = [...outerTokens(text, term)].filter((i) => COMPARISONS.has(text.tokens[i]?.key ?? ''));
  const [at] = found;
  const operator = text.tokens[at ?? -1]?.key ?? '';
  if (at === undefined || found.length > 1 || MIRRORED[operator] === undefined) return undefined;
  const [left, right] = [
    { start: term.start, end: at },
    { start: at + 1, end: term.end },
  ];
  // Two references that are compared may narrow either.
  const narrowings = [
    ...compared(text, left, operator, right, resolve),
    ...compared(text, right, MIRRORED[operator] ?? '', left, resolve),
  ];
  return narrowings.length === 0 ? undefined : narrowings;
}

function compared(text: SqlText, column: Span, operator: string, side: Span, resolve: ResolveColumn): Narrowing[] {
  const named = columnAt(text, column, resolve);
  const value = named === undefined ? undefined : operandOf(text, side, named.item);
  if (named === undefined || value === undefined) return [];
  const { item, name } = named;
  const isEqual = operator === '=' || operator === '==';
  if (NAME_COLUMNS.has(name)) return isEqual ? [nameNarrowing(named, '=', value)] : [];
  const bounds = isEqual
    ? (['from', 'to'] as const)
    : operator.startsWith('>')
      ? (['from'] as const)
      : (['to'] as const);
  return bounds.map((kind) => ({ kind, item, ...value }));
}

/** `time BETWEEN a AND b`. */
function between(text: SqlText, term: Span, resolve: ResolveColumn): Narrowing[] | undefined {
  const words = [...outerTokens(text, term)].filter((i) => wordAt(text, i) !== undefined);
  const at = words.find((i) => wordAt(text, i) === 'between');
  const and = words.find((i) => wordAt(text, i) === 'and');
  if (at === undefined || and === undefined) return undefined;
  const named = columnAt(text, { start: term.start, end: at }, resolve);
  if (named?.name !== 'time') return undefined;
  const from = operandOf(text, { start: at + 1, end: and }, named.item);
  const to = operandOf(text, { start: and + 1, end: term.end }, named.item);
  return [
    ...(from === undefined ? [] : [{ kind: 'from' as const, item: named.item, ...from }]),
    ...(to === undefined ? [] : [{ kind: 'to' as const, item: named.item, ...to }]),
  ];
}

/** `channel IN (...)`, `channel LIKE value`, `channel GLOB value`. */
function oneWord(text: SqlText, term: Span, resolve: ResolveColumn): Narrowing[] | undefined {
  const at = [...outerTokens(text, term)].find((i) => ['in', 'like', 'glob'].includes(wordAt(text, i) ?? ''));
  if (at === undefined) return undefined;
  const named = columnAt(text, { start: term.start, end: at }, resolve);
  if (named === undefined || !NAME_COLUMNS.has(named.name)) return undefined;
  const operator = wordAt(text, at) ?? '';
  const side = { start: at + 1, end: term.end };
  const value = operator === 'in' ? listOf(text, side, named.item) : operandOf(text, side, named.item);
  if (value === undefined) return undefined;
  return [nameNarrowing(named, operator, value)];
}

function nameNarrowing({ item, name }: { item: FromItem; name: string }, operator: string, value: Value): Narrowing {
  // Text, because JSON has no blobs; what is equal to a name is text.
  const argument = (sql: string) => (operator === 'in' ? `json(${sql})` : `CAST(${sql} AS TEXT)`);
  return { kind: 'names', item, ...callOf(`json_array('${name}', '${operator}', `, [value], argument) };
}

function callOf(head: string, values: readonly Value[], argument: (sql: string) => string): Value {
  return {
    sql: (slice) => `${head}${values.map(({ sql }) => argument(sql(slice))).join(', ')})`,
    sides: values.flatMap(({ sides }) => sides),
    isFixed: values.every(({ isFixed }) => isFixed),
  };
}

/** The list or sub-query behind IN as an expression for a JSON array. */
function listOf(text: SqlText, side: Span, item: FromItem): Value | undefined {
  const inner =
    text.closing.get(side.start) === side.end - 1 ? { start: side.start + 1, end: side.end - 1 } : undefined;
  if (inner === undefined) return undefined;
  if (['select', 'with', 'values'].includes(wordAt(text, inner.start) ?? '')) {
    if (!isCopied(text, inner, item)) return undefined;
    const array = 'SELECT json_group_array(CAST("value" AS TEXT)) FROM "in"';
    const sql = (slice: Slice) => `(WITH "in"("value") AS (${slice(inner)}) ${array})`;
    return { sql, sides: [inner], isFixed: false };
  }
  const values: Value[] = [];
  let start = inner.start;
  const ends = [...outerTokens(text, inner)].filter((i) => text.tokens[i]?.key === ',');
  for (const end of [...ends, inner.end]) {
    const value = operandOf(text, { start, end }, item);
    if (value === undefined) return undefined;
    values.push(value);
    start = end + 1;
  }
  return callOf('json_array(', values, (sql) => `CAST(${sql} AS TEXT)`);
}

/** The column of `samples` that is all of a span. */
function columnAt(
  text: SqlText,
  { start, end }: Span,
  resolve: ResolveColumn,
): { item: FromItem; name: string } | undefined {
  const isQualified = end - start === 3 && text.tokens[start + 1]?.key === '.';
  if (!isQualified && end - start !== 1) return undefined;
  const name = identifierAt(text, end - 1);
  if (name === undefined || !(name === 'time' || NAME_COLUMNS.has(name))) return undefined;
  const item = resolve(isQualified ? identifierAt(text, start) : undefined, name);
  return item === undefined ? undefined : { item, name };
}

/**
 * The expression of a span, where it may be evaluated again as the argument of a table: it holds nothing that binds looser
 * than a comparison, no `?` (its number is its place), nothing random, and not the reference it narrows.
 */
function operandOf(text: SqlText, span: Span, item: FromItem): Value | undefined {
  if (span.start >= span.end || !isCopied(text, span, item)) return undefined;
  for (const i of outerTokens(text, span)) {
    const token = text.tokens[i];
    const word = wordAt(text, i);
    if (token?.kind === 'mark' && LOOSE_MARKS.has(token.key)) return undefined;
    if (word !== undefined && LOOSE_WORDS.has(word)) return undefined;
  }
  return { sql: (slice) => `(${slice(span)})`, sides: [span], isFixed: isFixed(text, span) };
}

/** True where no table is named in a span. */
export function isFixed(text: SqlText, { start, end }: Span): boolean {
  for (let i = start; i < end; i += 1) {
    const isCall = text.tokens[i + 1]?.key === '(' && i + 1 < end;
    if (identifierAt(text, i) === undefined || LITERAL_WORDS.has(wordAt(text, i) ?? '')) continue;
    if (!isCall) return false;
  }
  return true;
}

function isCopied(text: SqlText, { start, end }: Span, item: FromItem): boolean {
  for (let i = start; i < end; i += 1) {
    const token = text.tokens[i];
    if (token === undefined || token.text === '?' || UNSTABLE.has(token.key)) return false;
    if (text.tokens[i + 1]?.key === '.' && token.key === item.alias) return false;
  }
  return true;
}
