import { rawChannelName, undefinedChannelName } from '../../collectors/raw-channel.ts';
import type { ImportedChannel } from '../store/import-writer.ts';
import { formatTime } from './time-text.ts';

/** Reasons shown of what was skipped. Further ones are in the JSON. */
const REASONS_SHOWN = 6;

/** What became of a file. */
export interface ImportReport {
  readonly file: string;
  readonly format: string;
  /** Kept now, here already, or only counted (`--dry-run`). */
  readonly state: 'imported' | 'known' | 'counted';
  readonly samples: number;
  /** First and last time, UTC, microseconds. */
  readonly from: number;
  readonly to: number;
  /** Channels with a sample; empty where the file was here already. */
  readonly channels: readonly ImportedChannel[];
  /** Frames, sentences, lines or rows read. */
  readonly received: number;
  /** Units and samples that could not be used, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Where the first of a reason stands, as `line 17`. */
  readonly places: Readonly<Record<string, string>>;
  readonly seconds: number;
}

/** One JSON object a file; times are microseconds. */
export function reportJson(report: ImportReport): string {
  const channels = report.channels.map(({ definition: { name, unit, type }, samples, from, to }) => {
    return { name, unit, type, samples, from, to };
  });
  return `${JSON.stringify({ ...report, channels })}\n`;
}

/** What became of a file, for people. */
export function reportText(report: ImportReport): string {
  const { file, format, state, samples, from, to, channels, received } = report;
  const span = `from ${formatTime(from)} to ${formatTime(to)}`;
  if (state === 'known') return `${file}: already here: ${samples} samples, ${span}\n`;
  const verb = state === 'counted' ? 'would give' : 'gave';
  const lines = [
    `${file} (${format}): ${received} units ${verb} ${samples} samples of ${channels.length} channels, ${span}`,
    ...skippedLines(report),
    ...(state === 'counted' ? channelLines(channels) : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function skippedLines({ file, skipped, places, channels }: ImportReport): string[] {
  const kept = channels.map(({ definition }) => definition.name).find(isOfWire);
  const reasons = Object.entries(skipped).sort((a, b) => b[1] - a[1]);
  const shown = reasons.slice(0, REASONS_SHOWN).map(([reason, count]) => {
    const place = places[reason];
    if (reason === 'no-definition' && kept !== undefined) return `  not decoded ${count} frames, kept in ${kept}`;
    return `  skipped ${count} ${reason}${place === undefined ? '' : `, first at ${file}, ${place}`}`;
  });
  return reasons.length > REASONS_SHOWN ? [...shown, `  and ${reasons.length - REASONS_SHOWN} other reasons`] : shown;
}

/** Whether a channel holds what came from a wire, as it came. */
function isOfWire(name: string): boolean {
  return name.endsWith(rawChannelName('')) || name.endsWith(undefinedChannelName(''));
}

function channelLines(channels: readonly ImportedChannel[]): string[] {
  const width = Math.max(...channels.map(({ definition }) => definition.name.length));
  return channels
    .toSorted((a, b) => (a.definition.name < b.definition.name ? -1 : 1))
    .map(({ definition: { name, unit, type }, samples }) => {
      return `  ${name.padEnd(width)}  ${String(samples).padStart(10)} ${unit === '' ? type : unit}`;
    });
}
