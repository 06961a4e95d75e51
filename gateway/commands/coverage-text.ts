import type { Coverage, CoverageStretch } from '../query/coverage/coverage.ts';
import { NOT_HEARD, NOT_SENT } from '../query/coverage/coverage.ts';
import { formatTime } from './time-text.ts';

/** Stretches that are named beside an answer, of each channel; how many more there are is said. */
const NAMED_MAX = 5;

/** What lacks of a channel, a line each, for who reads samples; empty where nothing does. */
export function lackLines(name: string, { stretches, waits }: Coverage): string[] {
  const lacks = stretches.filter(({ state }) => state !== 'full');
  const named = lacks.slice(0, NAMED_MAX).map((lack) => `${name}: ${lackText(lack)}`);
  const more = lacks.length - named.length;
  return [
    ...named,
    ...(more > 0 ? [`${name}: and ${more} more stretches, see --coverage`] : []),
    ...(waits === '' ? [] : [`${name}: ${waits}`]),
  ];
}

function lackText({ from, to, state, cause, count }: CoverageStretch): string {
  const what = state === 'outline' ? 'envelopes only' : 'missing';
  const many = count === 0 ? '' : `, ${count} samples`;
  return `${formatTime(from)} to ${formatTime(to)} ${what}: ${causeText(cause)}${many}`;
}

function causeText(cause: string): string {
  if (cause === NOT_SENT) return 'not sent yet';
  return cause === NOT_HEARD ? 'not heard of yet' : cause;
}

export const COVERAGE_HEADS = {
  table: `${'FROM (UTC)'.padEnd(27)}  ${'TO'.padEnd(27)}  ${'STATE'.padEnd(7)}  ${'SAMPLES MISSING'.padStart(15)}  CAUSE\n`,
  csv: 'channel,from,to,state,cause,count\n',
  json: '',
} as const;

/** The stretches of a channel, a line each; of JSON one line a channel. */
export function* coverageLines(
  format: keyof typeof COVERAGE_HEADS,
  name: string,
  coverage: Coverage,
): IterableIterator<string> {
  if (format === 'json') {
    yield `${JSON.stringify({ channel: name, ...coverage })}\n`;
    return;
  }
  if (format === 'table') yield `${name}${coverage.waits === '' ? '' : `: ${coverage.waits}`}\n`;
  for (const { from, to, state, cause, count } of coverage.stretches) {
    const times = [formatTime(from), formatTime(to)];
    if (format === 'csv') yield `${[JSON.stringify(name), ...times, state, cause, count].join(',')}\n`;
    else
      yield `${times.join('  ')}  ${state.padEnd(7)}  ${String(count || '').padStart(15)}  ${cause}`
        .trimEnd()
        .concat('\n');
  }
}
