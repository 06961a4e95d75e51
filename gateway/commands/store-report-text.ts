import { bytesText } from '../quantity-text.ts';
import type { Finding } from '../store/check/finding.ts';
import type { StoreReport } from '../store/check/store-check.ts';
import { formatTime } from './time-text.ts';

/** Channels of a loss that are named. */
const CHANNELS_NAMED_MAX = 3;

/** What the check of a store found, for people. */
export function storeReportText(report: StoreReport): string {
  const { dir, packs, merged, envelopes, gaps, conflicts, journal, findings, findingCount, notes } = report;
  const rows: [string, string][] = [
    ['packs', `${count(packs.packs)} of ${bytesText(packs.bytes)}, ${count(packs.thinned)} of them given up`],
    ['blocks', `${count(packs.blocks)} with ${count(packs.samples)} samples`],
    ['merged', `${count(merged)} packs, each held against what it was made of`],
    ['envelopes', count(envelopes)],
    ['gaps', count(gaps)],
    ['conflicts', count(conflicts)],
    ...(journal === undefined
      ? []
      : [['journal', `${count(journal.rows)} rows with ${count(journal.samples)} samples`] as [string, string]]),
  ];
  const lines = [`${dir}: ${findingCount === 0 ? 'all of it is whole' : `${count(findingCount)} found wrong`}`];
  for (const [name, text] of rows) lines.push(`  ${name.padEnd(10)} ${text}`);
  for (const note of notes) lines.push(`  note       ${note}`);
  for (const finding of findings) lines.push(findingText(finding));
  if (findingCount > findings.length) lines.push(`and ${count(findingCount - findings.length)} more`);
  return `${lines.join('\n')}\n`;
}

function findingText({ place, problem, lost }: Finding): string {
  const line = `${place}: ${problem}`;
  if (lost === undefined) return `${line}; no sample is lost`;
  const { samples, channels, span } = lost;
  const named = channels.slice(0, CHANNELS_NAMED_MAX).join(', ');
  const others = channels.length - CHANNELS_NAMED_MAX;
  const when = span === undefined ? '' : `, ${formatTime(span.from)} to ${formatTime(span.to)}`;
  return `${line}; lost: ${count(samples)} samples of ${named}${others > 0 ? ` and ${others} more` : ''}${when}`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}
