import { bytesText, counted } from '../quantity-text.ts';
import type { HandOverStatus, RelayStatus } from '../status.ts';
import { formatTime } from './time-text.ts';

/** What a relay carries: lines of `caisson status`. */
export function relayTexts({ files, bytes, bytesMax, answers, taken, passed, ...status }: RelayStatus): string[] {
  const { refused, destinations, problem } = status;
  const parts = [
    `carries ${counted(files, 'file')}, ${bytesText(bytes)} of at most ${bytesText(bytesMax)}`,
    answers === 1 ? '1 answer waits for its sender' : `${answers} answers wait for their senders`,
    `${taken} taken, ${passed} passed on`,
    ...reasonsText('not taken or given up', refused),
    ...(problem === '' ? [] : [problem]),
  ];
  return [
    `relay    ${parts.join('; ')}`,
    ...destinations.map((each) => {
      return `relay    for ${each.central}: ${counted(each.files, 'file')}, ${bytesText(each.bytes)}, the oldest of ${formatTime(each.oldest)}`;
    }),
  ];
}

/** What is handed to a relay: a line of `caisson status`. */
export function handOverText({ central, relay, state, why, ...status }: HandOverStatus): string {
  const { files, bytes, oldest, handed, answered, refused } = status;
  const waiting =
    files === 0
      ? []
      : [`${counted(files, 'file')}, ${bytesText(bytes)}, without an answer since ${formatTime(oldest)}`];
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
