/*
 * Retires what is due of the central in a folder, as the rules of the contract say: prints a line a step, and goes on when it is sent one; to be killed.
 * Arguments: the folder, the time in milliseconds.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { dayOf } from '../../../../sync/central/retention/retention-rules.ts';
import { openSqliteCentral } from '../../../../sync/central/sqlite-central.ts';
import { RULES } from './retention-contract.ts';

const asked = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const [, , dir = '', ms = ''] = process.argv;
const central = openSqliteCentral(dir, 'hq', undefined, undefined, () => Number(ms));
for await (const { packs } of central.retiring.retire({ daysOf: RULES, today: dayOf(Number(ms)) })) {
  writeSync(1, `${packs}\n`);
  await asked.next();
}
await central.close();
