import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { promisify } from 'node:util';
import t from 'tap';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../gateway/commands/node-flags.ts';
import { MAIN } from '../main-script.ts';

const caisson = async (...args: string[]) => (await promisify(execFile)(process.execPath, [MAIN, ...args])).stdout;

t.test('tells Node the same from the shell as from a parent process', async (t) => {
  const [first] = readFileSync(MAIN, 'utf8').split('\n');
  const environment = Object.entries(NODE_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
  t.equal(first, ['#!/usr/bin/env -S', ...environment, 'node', ...NODE_FLAGS].join(' '));
});

t.test('helps with a command alike whether it is loaded alone or with all others', async (t) => {
  const [all, alone, asked] = await Promise.all([
    caisson('--help'),
    caisson('query', '--help'),
    caisson('help', 'query'),
  ]);
  for (const name of ['demo', 'run', 'central', 'init', 'check', 'schema', 'status', 'query', 'tail']) {
    t.match(all, new RegExp(`^ {2}${name} .*`, 'm'));
  }
  t.match(alone, /^Usage: caisson query /);
  t.equal(alone, asked);
});
