import { configMarkdown } from '../gateway/commands/schema.ts';
import { schemaTable } from '../gateway/config/schema-table.ts';
import { ERROR_CODES } from '../gateway/errors.ts';
import { SQL_FUNCTIONS } from '../gateway/query/sql/sql-functions.ts';
import { SQL_TABLES, type SqlTable } from '../gateway/query/sql/store-tables.ts';
import { type CallDeadline, DEADLINES } from '../sync/api/deadlines.ts';
import { PulledGatewayConfig } from '../sync/central/gateways-config.ts';
import { CentralRetentionConfig } from '../sync/central/retention/central-retention-config.ts';

/** Parts of documents that are made from the code, by the name in their markers. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  config: configMarkdown,
  deadlines: deadlineTable,
  errors: errorTable,
  gateways: () => schemaTable(PulledGatewayConfig),
  retention: () => schemaTable(CentralRetentionConfig),
  sql: sqlTables,
};

function errorTable(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return ['| Code | Meaning |', '|---|---|', ...rows].join('\n');
}

function deadlineTable(): string {
  const shown = (ms: number | undefined) => (ms === undefined ? 'pings' : `${ms / 1e3} s`);
  const rows = Object.entries<CallDeadline>(DEADLINES).map(([call, { firstMs, nextMs }]) => {
    return `| ${call} | ${shown(firstMs)} | ${SINGLE.has(call) ? '' : shown(nextMs)} |`;
  });
  return ['| Call | Answer, or first message | Next message |', '|---|---|---|', ...rows].join('\n');
}

/** Calls that are answered with one message. */
const SINGLE: ReadonlySet<string> = new Set([
  'ListChannels',
  'ListVersions',
  'GetStatus',
  'Acknowledge',
  'ListBoxes',
  'Wish',
  'GetConfig',
  'OfferConfig',
]);

function sqlTables(): string {
  const rows = Object.entries<SqlTable>(SQL_TABLES).map(([name, { columns, parameters, meaning }]) => {
    const call = parameters === undefined ? name : `${name}(${parameters.join(', ')})`;
    return `| \`${call}\` | ${columns.map((column) => `\`${column}\``).join(', ')} | ${meaning} |`;
  });
  const functions = Object.entries(SQL_FUNCTIONS).map(([call, meaning]) => `| \`${call}\` | | ${meaning} |`);
  return ['| Table or function | Columns | Meaning |', '|---|---|---|', ...rows, ...functions].join('\n');
}

const PART = /(<!-- generated: ([a-z-]+) -->\n)[\s\S]*?(<!-- end generated -->)/g;

/**
 * The document with every part between `<!-- generated: NAME -->` and `<!-- end generated -->` as the code has it now.
 * @throws Error for a name that nothing is made of, or a marker without its end
 */
export function regenerate(document: string): string {
  const opened = document.split('<!-- generated:').length - 1;
  let closed = 0;
  const text = document.replace(PART, (_, start: string, name: string, end: string) => {
    const make = GENERATED[name];
    if (make === undefined)
      throw new Error(`'${name}' is not generated, expected ${Object.keys(GENERATED).join(', ')}`);
    closed++;
    return `${start}\n${make()}\n\n${end}`;
  });
  if (opened !== closed) throw new Error(`${opened} generated parts begin, ${closed} end`);
  return text;
}
