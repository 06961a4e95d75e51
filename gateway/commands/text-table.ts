/**
 * Lines of a table for people: cells of a column begin one under the other.
 * @param rows the head first
 * @param numbers columns of numbers, which end one under the other
 */
export function textTable(rows: readonly (readonly string[])[], numbers: ReadonlySet<number> = new Set()): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        numbers.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
