import { bytesText, counted } from '../quantity-text.ts';
import type { LinePace, LineStatus } from '../status.ts';
import { formatTime } from './time-text.ts';

/** One line between a central and a gateway, for people. */
export function lineText(line: LineStatus): string {
  const { gateway, name, state, why, until, failingSince, metered, capBytesPerS, pace, windows, heard } = line;
  const parts = [
    `${STATES[state]}: ${why}`,
    ...(until === undefined || why.includes('until') ? [] : [`again at ${formatTime(until)}`]),
    ...(failingSince === undefined ? [] : [`since ${formatTime(failingSince)}`]),
    ...(pace === undefined ? [] : [paceText(pace)]),
    ...(capBytesPerS === undefined ? [] : [`capped at ${rateText(capBytesPerS)}`]),
    ...(windows === undefined ? [] : [`open ${windows.join(', ')}`]),
    ...budgetText(line),
    `${bytesText(line.receivedBytes)} came, ${bytesText(line.sentBytes)} went${metered ? ', metered' : ''}`,
    `${counted(line.connections, 'connection')}, ${counted(line.failures, 'failure')}`,
    ...(heard === undefined ? [] : [`as told ${formatTime(heard)}`]),
  ];
  return `line     ${gateway === '' ? '' : `${gateway} over `}${name}: ${parts.join('; ')}`;
}

const STATES: Readonly<Record<LineStatus['state'], string>> = {
  'in-use': 'in use',
  standby: 'stands by',
  waiting: 'waits',
  dead: 'dead',
};

function paceText({ bytesPerS, roundTripMs, queueMs, windowBytes, quantumBytes }: LinePace): string {
  const trip = Number.isNaN(roundTripMs)
    ? ''
    : `, round trip ${roundTripMs.toFixed(0)} ms and ${queueMs.toFixed(0)} ms of queue`;
  return `${rateText(bytesPerS)}${trip}, window ${bytesText(windowBytes)} in messages of ${bytesText(quantumBytes)}`;
}

function budgetText({ budgetBytes, budgetUsedBytes = 0 }: LineStatus): string[] {
  return budgetBytes === undefined ? [] : [`${bytesText(budgetUsedBytes)} of ${bytesText(budgetBytes)} of today used`];
}

function rateText(bytesPerS: number): string {
  const bits = bytesPerS * 8;
  return bits < 1e6 ? `${(bits / 1e3).toFixed(0)} kbit/s` : `${(bits / 1e6).toFixed(1)} Mbit/s`;
}
