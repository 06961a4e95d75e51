import type { HandOverStatus, RelayStatus } from '../status.ts';
import { formatTime } from './time-text.ts';

/** What a relay carries: lines of `caisson status`. */
export function relayTexts({ files, bytes, bytesMax, answers, taken, passed, ...status }: RelayStatus): string[] {
  const { refused, destinations, problem } = status;
  const parts = [
    `carries ${files} files, ${megabytes(bytes)} of at most ${megabytes(bytesMax)}`,
    `${answers} answers wait for their senders`,
    `${taken} taken, ${passed} passed on`,
    ...reasonsText('not taken or given up', refused),
    ...(problem === '' ? [] : [problem]),
  ];
  return [
    `relay    ${parts.join('; ')}`,
    ...destinations.map((each) => {
      return `relay    for ${each.central}: ${each.files} files, ${megabytes(each.bytes)}, the oldest of ${formatTime(each.oldest)}`;
    }),
  ];
}

/** What is handed to a relay: a line of `caisson status`. */
export function handOverText({ central, relay, state, why, ...status }: HandOverStatus): string {
  const { files, bytes, oldest, handed, answered, refused } = status;
  const waiting =
    files === 0 ? [] : [`${files} files, ${megabytes(bytes)}, without an answer since ${formatTime(oldest)}`];
  const parts = [
    `${state}: ${why}`,
    ...waiting,
    `${handed} handed over, ${answered} answered`,
    ...reasonsText('handed over again', refused),
  ];
  return `courier  for ${central} over ${relay}: ${parts.join('; ')}`;
}

function reasonsText(what: string, reasons: Readonly<Record<string, number>>): string[] {
  const counts = Object.entries(reasons).map(([reason, count]) => `${reason} ${count}`);
  return counts.length === 0 ? [] : [`${what}: ${counts.join(', ')}`];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
