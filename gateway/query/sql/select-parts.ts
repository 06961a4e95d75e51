import { closingParentheses, type SqlToken, tokensOf } from './sql-tokens.ts';

/** Tokens [start, end) of a statement. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One table, sub-query or function of a FROM clause. */
export interface FromItem {
  /** What it is called in the rest of the SELECT, lower case; empty for a sub-query without an alias. */
  readonly alias: string;
  readonly hasAlias: boolean;
  /** Name of the table, lower case; undefined for sub-queries, parenthesised joins and tables of other schemas. */
  readonly table: string | undefined;
  /** The tokens that name the table, schema included. */
  readonly span: Span;
  /** What stands in the parentheses behind the name; undefined without any. */
  readonly given: Span | undefined;
  /** The join that brings it in: it is on the right of a LEFT JOIN. */
  readonly isOptional: boolean;
  /** Its ON condition. */
  readonly on: Span | undefined;
}

/** The FROM and WHERE of one SELECT, wherever it stands in the statement. */
export interface SelectPart {
  readonly items: readonly FromItem[];
  readonly where: Span | undefined;
  /** NATURAL or USING: a bare column name may mean columns of two tables. */
  readonly sharesColumns: boolean;
}

/** A statement cut to tokens. */
export interface SqlText {
  readonly sql: string;
  readonly tokens: readonly SqlToken[];
  readonly closing: ReadonlyMap<number, number>;
}

/** Undefined where quotes or parentheses do not match. */
export function sqlText(sql: string): SqlText | undefined {
  const tokens = tokensOf(sql);
  const closing = tokens === undefined ? undefined : closingParentheses(tokens);
  return tokens === undefined || closing === undefined ? undefined : { sql, tokens, closing };
}

const COMPOUND = new Set(['union', 'intersect', 'except']);
const AFTER_WHERE = new Set(['group', 'having', 'order', 'limit', 'window']);
const JOIN_WORDS = new Set(['natural', 'left', 'right', 'full', 'outer', 'inner', 'cross']);

/**
 * Every SELECT of a statement whose FROM clause is understood. What is not understood is left out: that only costs speed.
 * SELECTs with a RIGHT or FULL JOIN are left out on purpose: there a condition does not always narrow its table.
 */
export function selectParts(text: SqlText): SelectPart[] {
  const { tokens, closing } = text;
  const groups: Span[] = [{ start: 0, end: tokens.length }];
  for (const [open, close] of closing) groups.push({ start: open + 1, end: close });
  return groups.flatMap((group) => coresOf(text, group).flatMap((core) => selectPart(text, core) ?? []));
}

/** Indices of the tokens of a span that are in no parentheses of it; an opening one stands for all that it holds. */
export function* outerTokens({ closing }: SqlText, { start, end }: Span): IterableIterator<number> {
  for (let i = start; i < end; i += 1) {
    yield i;
    i = closing.get(i) ?? i;
  }
}

/** The SELECTs that a compound one is made of. */
function coresOf(text: SqlText, group: Span): Span[] {
  const cores: Span[] = [];
  let start: number | undefined;
  for (const i of outerTokens(text, group)) {
    const word = wordAt(text, i);
    if (word === 'select') start ??= i + 1;
    else if (start !== undefined && word !== undefined && COMPOUND.has(word)) {
      cores.push({ start, end: i });
      start = undefined;
    }
  }
  if (start !== undefined) cores.push({ start, end: group.end });
  return cores;
}

function selectPart(text: SqlText, core: Span): SelectPart | undefined {
  let from: number | undefined;
  let where: number | undefined;
  let end = core.end;
  for (const i of outerTokens(text, core)) {
    const word = wordAt(text, i);
    // `IS NOT DISTINCT FROM` is an operator.
    if (word === 'from' && wordAt(text, i - 1) !== 'distinct') from ??= i + 1;
    else if (word === 'where' && from !== undefined) where ??= i + 1;
    else if (word !== undefined && AFTER_WHERE.has(word) && from !== undefined) {
      end = i;
      break;
    }
  }
  if (from === undefined) return undefined;
  const clause = fromClause(text, { start: from, end: where === undefined ? end : where - 1 });
  if (clause === undefined) return undefined;
  return { ...clause, where: where === undefined ? undefined : { start: where, end } };
}

function fromClause(text: SqlText, clause: Span): Pick<SelectPart, 'items' | 'sharesColumns'> | undefined {
  const items: FromItem[] = [];
  let sharesColumns = false;
  let join: readonly string[] = [];
  let start = clause.start;
  for (const { at, next, words } of [...separators(text, clause), { at: clause.end, next: clause.end, words: [] }]) {
    if (join.includes('right') || join.includes('full')) return undefined;
    const item = fromItem(text, { start, end: at }, join.includes('left'));
    if (item === undefined) return undefined;
    sharesColumns ||= join.includes('natural') || item.hasUsing;
    items.push(item);
    join = words;
    start = next;
  }
  return { items, sharesColumns };
}

/** Commas and JOINs of a FROM clause, with the words before JOIN. */
function* separators(
  text: SqlText,
  clause: Span,
): IterableIterator<{ at: number; next: number; words: readonly string[] }> {
  for (const i of outerTokens(text, clause)) {
    if (text.tokens[i]?.key === ',') yield { at: i, next: i + 1, words: [] };
    if (wordAt(text, i) !== 'join') continue;
    const words: string[] = [];
    let at = i;
    for (let word = wordAt(text, at - 1); word !== undefined && JOIN_WORDS.has(word); word = wordAt(text, at - 1)) {
      words.push(word);
      at -= 1;
    }
    yield { at, next: i + 1, words };
  }
}

function fromItem(text: SqlText, span: Span, isOptional: boolean): (FromItem & { hasUsing: boolean }) | undefined {
  const { tokens, closing } = text;
  let at = span.start;
  let table: string | undefined;
  const open = closing.get(at);
  if (open !== undefined) at = open + 1;
  else {
    const parts = [identifierAt(text, at)];
    at += 1;
    while (tokens[at]?.key === '.' && at < span.end) {
      parts.push(identifierAt(text, at + 1));
      at += 2;
    }
    table = parts.length === 1 || parts[0] === 'main' ? parts.at(-1) : undefined;
    if (parts.includes(undefined)) return undefined;
  }
  const named = { start: span.start, end: at };
  const argumentsEnd = at < span.end ? closing.get(at) : undefined;
  const given = argumentsEnd === undefined ? undefined : { start: at + 1, end: argumentsEnd };
  if (argumentsEnd !== undefined) at = argumentsEnd + 1;
  let alias: string | undefined;
  const word = at < span.end ? wordAt(text, at) : undefined;
  if (word === 'as') {
    alias = identifierAt(text, at + 1);
    at += 2;
  } else if (at < span.end && (word === undefined || !AFTER_TABLE.has(word))) {
    alias = identifierAt(text, at);
    at += 1;
  }
  const hasOn = at < span.end && wordAt(text, at) === 'on';
  const hasUsing = at < span.end && wordAt(text, at) === 'using';
  if (at < span.end && !hasOn && !hasUsing) return undefined;
  return {
    alias: alias ?? table ?? '',
    hasAlias: alias !== undefined,
    table,
    span: named,
    given,
    isOptional,
    on: hasOn ? { start: at + 1, end: span.end } : undefined,
    hasUsing,
  };
}

const AFTER_TABLE = new Set(['on', 'using', 'indexed', 'not']);

/** The keyword or plain identifier at a token, lower case. */
export function wordAt({ tokens }: SqlText, index: number): string | undefined {
  const token = tokens[index];
  // What stands behind a point is a column's name, whatever the word.
  return token?.kind === 'word' && tokens[index - 1]?.key !== '.' ? token.key : undefined;
}

/** The identifier at a token, lower case, quoted or not. */
export function identifierAt({ tokens }: SqlText, index: number): string | undefined {
  const token = tokens[index];
  return token?.kind === 'word' || token?.kind === 'name' ? token.key : undefined;
}
