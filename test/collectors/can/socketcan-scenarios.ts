import { join } from 'node:path';
import type { Test } from 'tap';
import { runInMachine } from '../../lab.ts';

/** What a scenario found, by its name. */
export type Found = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Runs scenarios of SocketCAN in a machine that has it; checks that they came to their end. */
export async function findInMachine(t: Test, scenarios: 'candump' | 'addon' | 'missing'): Promise<Found> {
  const program = join(import.meta.dirname, 'socketcan-machine.js');
  const { code, lines, stderr } = await runInMachine([], ['node', program, scenarios]);
  t.equal(code, 0, `the machine ended well\n${stderr}`);
  return Object.fromEntries(
    lines.map((line) => {
      const { fact, found }: { fact: string; found: Readonly<Record<string, unknown>> } = JSON.parse(line);
      return [fact, found];
    }),
  );
}

/** What holds whichever reader: every frame counted as kept or lost, and no interface that is gone taken for a quiet bus. */
export function checkFound(t: Test, found: Found): void {
  t.match(found.count, { frames: 200, inOrder: true, dropped: 0, errors: ['no-definition'] }, 'as many as cangen sent');
  t.match(found.kinds, {
    problem: /the controller is bus-off.*restart-ms/,
    state: 'running',
    errors: { 'remote-frame': 1, 'error-warning': 1, 'error-passive': 1, 'bus-off': 1, 'controller-restarted': 1 },
    controller: 0,
  });
  const { generated, sent, heard, dropped } = found.drops ?? {};
  t.equal(generated, 3000);
  t.equal(Number(heard) + Number(dropped), sent, `heard ${heard}, dropped ${dropped}`);
  t.ok(Number(dropped) > 1000, 'most found no room');
  t.match(found.comes, {
    problems: [/vcan0 is down; `ip link set vcan0 up/, /there is no interface vcan0/],
    state: 'running',
    last: '102#',
  });
  t.same(found.filters?.heard, ['100#01', '10F#02', '18FEF117#05', '20000040#0000000000000000']);
  t.match(found.sends, { early: false, sent: [true, true], heard: ['7DF#02010C', '18DB33F1#09'] });
  t.equal(found.left, '', 'no candump is left running');
}

/** Frames of every kind as a candump log has them, error frames behind. */
export const SENT_KINDS: readonly string[] = [
  ...['123#0102', '12345678#AABBCC', '123#R4', '123##1AABB', `12345678##1${'5A'.repeat(64)}`],
  ...['20000004#0004000000000000', '20000004#0010000000000000', '20000040#0000000000000000'],
  '20000100#0000000000000000',
];
