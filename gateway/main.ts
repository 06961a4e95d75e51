#!/usr/bin/env node
import { Command } from 'commander';
import { registerCentral } from './commands/central.ts';
import { registerCheck } from './commands/check.ts';
import { registerDemo } from './commands/demo.ts';
import { registerInit } from './commands/init.ts';
import { conclude, exitWithUsageCode } from './commands/outcome.ts';
import { registerQuery } from './commands/query.ts';
import { registerRun } from './commands/run.ts';
import { registerSchema } from './commands/schema.ts';
import { registerStatus } from './commands/status.ts';
import { registerTail } from './commands/tail.ts';
import { caissonVersion } from './commands/version.ts';

const program = exitWithUsageCode(new Command('caisson'))
  .description('Telemetry gateway for the edge.')
  .version(caissonVersion())
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'caisson: ')) })
  .showHelpAfterError('(--help shows how it is used)')
  .addHelpText('after', '\nExamples:\n  caisson demo\n  caisson init\n  caisson run\n  caisson help query');

registerDemo(program);
registerRun(program);
registerCentral(program);
registerInit(program);
registerCheck(program);
registerSchema(program);
registerStatus(program);
registerQuery(program);
registerTail(program);

await conclude(async () => {
  await program.parseAsync();
});
