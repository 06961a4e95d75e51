/** One thing that is wrong with a config file. */
export interface ConfigIssue {
  /** Keys from the top, joined by dots: `sources.car.bitrate`; empty for the file as a whole. */
  readonly path: string;
  /** Where it stands in the file, from 1. */
  readonly line: number;
  readonly column: number;
  /** What was met and what was expected, as one sentence that holds path and place. */
  readonly message: string;
}

/** What an issue is made of. */
export interface Complaint {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** What was met and what was expected: `unknown key`. */
  readonly problem: string;
  /** What may mend it: `did you mean bitrate?` */
  readonly hint?: string;
}

/** `sources.car.bitrat: unknown key at 12:5, did you mean bitrate?` */
export function configIssue({ path, line, column, problem, hint }: Complaint): ConfigIssue {
  const what = path === '' ? problem : `${path}: ${problem}`;
  return { path, line, column, message: `${what} at ${line}:${column}${hint === undefined ? '' : `, ${hint}`}` };
}

/** The line that is meant, with a caret under the column. */
export function codeFrame(text: string, { line, column }: Pick<ConfigIssue, 'line' | 'column'>): string {
  const source = text.split(/\r?\n/)[line - 1] ?? '';
  const number = String(line);
  // Tabs stay tabs, so that the caret stands below its column in any terminal.
  const indent = source.slice(0, column - 1).replace(/[^\t]/g, ' ');
  return `  ${number} | ${source}\n  ${' '.repeat(number.length)} | ${indent}^`;
}

/** All issues, each with its line, as a person reads them. */
export function renderIssues(text: string, issues: readonly ConfigIssue[]): string {
  return issues.map((issue) => `${issue.message}\n${codeFrame(text, issue)}`).join('\n');
}
