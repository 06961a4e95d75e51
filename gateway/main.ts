#!/usr/bin/env node
import process from 'node:process';
import { Command } from 'commander';
import { registerCheck } from './commands/check.ts';
import { registerInit } from './commands/init.ts';
import { outcomeOf } from './commands/outcome.ts';
import { registerSchema } from './commands/schema.ts';
import { caissonVersion } from './commands/version.ts';

const program = new Command('caisson')
  .description('Telemetry gateway for the edge.')
  .version(caissonVersion())
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'caisson: ')) })
  .showHelpAfterError('(--help shows how it is used)')
  .addHelpText('after', '\nExamples:\n  caisson init\n  caisson check caisson.yaml\n  caisson help check');

registerInit(program);
registerCheck(program);
registerSchema(program);

// A reader such as `head` may have read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  const { exitCode, text } = outcomeOf(error);
  process.stderr.write(text);
  process.exitCode = exitCode;
}
