import type { Fleet, FleetBox } from '../fleet.ts';
import { bytesText, counted } from '../quantity-text.ts';
import { spanText } from '../span-text.ts';
import { withheldText } from '../withheld-text.ts';
import { textTable } from './text-table.ts';

/** A line as a person says it. */
const LINES: Readonly<Record<FleetBox['line']['state'], string>> = {
  starting: 'connecting',
  running: 'up',
  waiting: 'down',
  stopped: 'stopped',
  none: 'none yet',
  beyond: 'by a central',
};

const HEAD = ['NEED', 'BOX', 'LINE', 'NEWEST', 'BEHIND', 'LOST', 'CLOCK', 'DISK', 'CERTIFICATE', 'VERSION', 'WHY'];

/** Columns that stand at the right. */
const NUMBERS: ReadonlySet<number> = new Set(['NEWEST', 'BEHIND', 'LOST', 'DISK'].map((name) => HEAD.indexOf(name)));

/** A fleet for people: a line a box, those that need attention first, and how many need what. */
export function fleetText({ central, now, boxes }: Fleet, shown: readonly FleetBox[]): string {
  const counts = { act: 0, watch: 0, good: 0 };
  for (const { attention } of boxes) counts[attention] += 1;
  const sum = `central ${central}: ${counted(boxes.length, 'box', 'boxes')}, act ${counts.act}, watch ${counts.watch}, good ${counts.good}`;
  if (shown.length === 0) return `${sum}\n`;
  const rows = [HEAD, ...shown.map((box) => cells(box, now))];
  const lines = textTable(rows, NUMBERS);
  return `${[...lines, sum].join('\n')}\n`;
}

function cells(box: FleetBox, now: number): string[] {
  const { gateway, attention, reasons, line, newest, behind, lost, clock, disk, certificate, version, withheld } = box;
  return [
    attention,
    gateway,
    LINES[line.state],
    newest === undefined ? '' : spanText(now - newest),
    behind === undefined || behind.positions === 0 ? '' : bytesText(behind.bytes),
    lost === 0 ? '' : String(lost),
    clock === undefined ? '' : clock.source,
    disk === undefined || !(disk.limitBytes > 0) ? '' : `${Math.round((100 * disk.usedBytes) / disk.limitBytes)} %`,
    certificate === undefined ? '' : certificateText(certificate, now),
    version ?? '',
    [...reasons, ...(withheld === undefined ? [] : [`keeps ${withheldText(withheld)} from this central`])].join('; '),
  ];
}

function certificateText({ expires, revoked }: NonNullable<FleetBox['certificate']>, now: number): string {
  if (revoked !== undefined) return 'revoked';
  return expires <= now ? 'expired' : `for ${spanText(expires - now)}`;
}
