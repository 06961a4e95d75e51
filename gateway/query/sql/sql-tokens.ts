/** One token of a statement, as SQLite's own tokenizer would cut it. */
export interface SqlToken {
  /** `word`: keyword or plain identifier; `name`: quoted identifier; `mark`: operator or punctuation. */
  readonly kind: 'word' | 'name' | 'string' | 'blob' | 'number' | 'variable' | 'mark';
  /** As it stands in the statement. */
  readonly text: string;
  /** Characters [start, end) of the statement. */
  readonly start: number;
  readonly end: number;
  /** What is compared: a word in lower case, a quoted identifier in lower case without its quotes, else the text. */
  readonly key: string;
}

/** White space, or a comment, which may lack its end. */
const SPACE = /[\s\ufeff]+|--[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?/y;

const PATTERNS: readonly (readonly [SqlToken['kind'], RegExp])[] = [
  ['string', /'(?:[^']|'')*'/y],
  ['blob', /[xX]'(?:[0-9a-fA-F]{2})*'/y],
  ['name', /"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/y],
  ['number', /0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?/y],
  ['variable', /\?\d*|[:@$#][\w$\u0080-\uffff]+/y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['mark', /->>|->|\|\||<<|>>|<=|>=|<>|==|!=|[-+*/%&|<>=~(),.;]/y],
];

/** The tokens of a statement without white space and comments; undefined where it is no SQL at all. */
export function tokensOf(sql: string): SqlToken[] | undefined {
  const tokens: SqlToken[] = [];
  let at = 0;
  while (at < sql.length) {
    const space = match(SPACE, sql, at);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const token = tokenAt(sql, at);
    if (token === undefined) return undefined;
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

/** Index of the parenthesis that closes each opening one; undefined where they do not match. */
export function closingParentheses(tokens: readonly SqlToken[]): ReadonlyMap<number, number> | undefined {
  const closing = new Map<number, number>();
  const open: number[] = [];
  for (const [index, { kind, key }] of tokens.entries()) {
    if (kind !== 'mark') continue;
    if (key === '(') open.push(index);
    if (key !== ')') continue;
    const opening = open.pop();
    if (opening === undefined) return undefined;
    closing.set(opening, index);
  }
  return open.length === 0 ? closing : undefined;
}

function tokenAt(sql: string, start: number): SqlToken | undefined {
  // A blob's x would be a word, so that longer kinds come first.
  for (const [kind, pattern] of PATTERNS) {
    const text = match(pattern, sql, start);
    if (text !== undefined) return { kind, text, start, end: start + text.length, key: keyOf(kind, text) };
  }
  return undefined;
}

function keyOf(kind: SqlToken['kind'], text: string): string {
  if (kind === 'word') return text.toLowerCase();
  if (kind !== 'name') return text;
  const inner = text.slice(1, -1);
  const quote = text[0] ?? '';
  return (quote === '[' ? inner : inner.replaceAll(quote + quote, quote)).toLowerCase();
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
