/**
 * SQLite tells a table of ours nothing about the WHERE clause. So a statement is rewritten before it is prepared: what its
 * conditions say of `samples` is also passed to the table as arguments, which SQLite evaluates. The conditions stay: a
 * condition that is not understood costs speed, never rows.
 */
import { isFixed, type Narrowing, narrowingsOf, type ResolveColumn, type Slice } from './narrow-condition.ts';
import {
  type FromItem,
  identifierAt,
  type SelectPart,
  type Span,
  type SqlText,
  selectParts,
  sqlText,
} from './select-parts.ts';

/** The table that is narrowed, and the one with arguments that stands in for it. */
export const SAMPLES = 'samples';
export const SAMPLES_NARROWED = 'samples_narrowed';

/**
 * The statement in ways that read less, least first; the last is the statement itself. One that SQLite refuses, because a table
 * would need an argument from one that needs it in turn, gives way to the next.
 *
 * @param readOnce names of tables that a statement which refers to several is to hold, where no argument comes of another
 */
export function narrowedStatements(sql: string, readOnce: ReadonlySet<string> = new Set()): string[] {
  const text = sqlText(sql);
  if (text === undefined || redefinesSamples(text)) return [sql];
  // Sub-queries begin later than what they stand in, and may be repeated in its arguments: they come first.
  const parts = selectParts(text).sort((a, b) => (b.items[0]?.span.start ?? 0) - (a.items[0]?.span.start ?? 0));
  const once = onceEdits(text, parts, readOnce);
  const statements = [once, []].flatMap((given) =>
    [() => true, ({ isFixed }: Narrowing) => isFixed].map((isTaken) => {
      const edits = [...given];
      const slice = (span: Span) => sliceOf(text, edits, span);
      for (const part of parts) edits.push(...editsOf(part, narrowingsIn(text, part).filter(isTaken), slice));
      return edits.length === 0 ? sql : slice({ start: 0, end: text.tokens.length });
    }),
  );
  return [...new Set([...statements, sql])];
}

/** True where a common table expression may be called `samples`. */
function redefinesSamples(text: SqlText): boolean {
  return text.tokens.some((_, i) => {
    if (identifierAt(text, i) !== SAMPLES) return false;
    const next = (text.closing.get(i + 1) ?? i) + 1;
    if (text.tokens[next]?.key !== 'as') return false;
    return ['(', 'materialized', 'not'].includes(text.tokens[next + 1]?.key ?? '');
  });
}

function narrowingsIn(text: SqlText, part: SelectPart): Narrowing[] {
  const own = part.items.filter(({ table, given }) => table === SAMPLES && given === undefined);
  if (own.length === 0) return [];
  const among =
    (items: readonly FromItem[]): ResolveColumn =>
    (qualifier) => {
      if (qualifier !== undefined) return items.find(({ alias }) => alias === qualifier);
      return part.sharesColumns || own.length > 1 ? undefined : items[0];
    };
  const narrowings = part.where === undefined ? [] : narrowingsOf(text, part.where, among(own));
  for (const item of part.items) {
    if (item.on === undefined) continue;
    // The condition of a LEFT JOIN says nothing of what is on its left.
    const narrowed = item.isOptional ? own.filter((each) => each === item) : own;
    narrowings.push(...narrowingsOf(text, item.on, among(narrowed)));
  }
  return narrowings.filter((narrowing) => !dependsOnLater(text, own, narrowing));
}

/** Of two references that are compared with each other, the later is narrowed by the earlier. */
function dependsOnLater({ tokens }: SqlText, own: readonly FromItem[], { item, sides }: Narrowing): boolean {
  const later = own.slice(own.indexOf(item) + 1).map(({ alias }) => alias);
  return sides.some(({ start, end }) =>
    tokens.slice(start, end).some(({ key }, i) => later.includes(key) && tokens[start + i + 1]?.key === '.'),
  );
}

/** What replaces tokens of the statement. */
interface Edit extends Span {
  readonly text: string;
}

function editsOf(part: SelectPart, narrowings: readonly Narrowing[], slice: Slice): Edit[] {
  return part.items.flatMap((item) => {
    const own = narrowings.filter((narrowing) => narrowing.item === item);
    if (own.length === 0) return [];
    const sqlOf = (kind: Narrowing['kind']) => own.filter((each) => each.kind === kind).map(({ sql }) => sql(slice));
    const names = `json_array(${sqlOf('names').join(', ')})`;
    const from = bound('max', sqlOf('from'), '-9e999');
    const to = bound('min', sqlOf('to'), '9e999');
    const alias = item.hasAlias ? '' : ` AS ${SAMPLES}`;
    return [{ ...item.span, text: `${SAMPLES_NARROWED}(${names}, ${from}, ${to})${alias}` }];
  });
}

/**
 * SQLite has no index over a table of ours: as the inner one of a join it is read anew for each row of the other. A materialised
 * sub-query in its place is read once, and SQLite indexes it by what the join compares.
 */
function onceEdits(text: SqlText, parts: readonly SelectPart[], readOnce: ReadonlySet<string>): Edit[] {
  const items = parts.flatMap((part) => part.items);
  if (items.length < 2) return [];
  return items.flatMap(({ table = '', hasAlias, span, given }) => {
    if (!readOnce.has(table) || (given !== undefined && !isFixed(text, given))) return [];
    const reference = { start: span.start, end: given === undefined ? span.end : given.end + 1 };
    const rows = `WITH once AS MATERIALIZED (SELECT * FROM ${sliceOf(text, [], reference)}) SELECT * FROM once`;
    return [{ ...reference, text: `(${rows})${hasAlias ? '' : ` AS ${table}`}` }];
  });
}

function bound(of: 'min' | 'max', values: readonly string[], none: string): string {
  if (values.length === 0) return none;
  return values.length === 1 ? (values[0] ?? none) : `${of}(${values.join(', ')})`;
}

/** The text of a span with what replaces parts of it. */
function sliceOf({ sql, tokens }: SqlText, edits: readonly Edit[], span: Span): string {
  let text = '';
  let at = tokens[span.start]?.start ?? 0;
  const inside = edits.filter(({ start, end }) => start >= span.start && end <= span.end);
  for (const edit of inside.toSorted((a, b) => a.start - b.start)) {
    text += sql.slice(at, tokens[edit.start]?.start) + edit.text;
    at = tokens[edit.end - 1]?.end ?? at;
  }
  return text + sql.slice(at, tokens[span.end - 1]?.end);
}
