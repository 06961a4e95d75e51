#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=2
import process from 'node:process';
import { Command } from 'commander';
import { conclude, exitWithUsageCode } from './commands/outcome.ts';
import { caissonVersion } from './commands/version.ts';

/**
 * Every command by name. Only the one that is asked for is loaded, all of them for help: a gateway that runs for years
 * then carries no code of the others.
 */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  demo: async () => (await import('./commands/demo.ts')).registerDemo,
  run: async () => (await import('./commands/run.ts')).registerRun,
  central: async () => (await import('./commands/central.ts')).registerCentral,
  init: async () => (await import('./commands/init.ts')).registerInit,
  check: async () => (await import('./commands/check.ts')).registerCheck,
  schema: async () => (await import('./commands/schema.ts')).registerSchema,
  doctor: async () => (await import('./commands/doctor.ts')).registerDoctor,
  status: async () => (await import('./commands/status.ts')).registerStatus,
  fetch: async () => (await import('./commands/fetch.ts')).registerFetch,
  fleet: async () => (await import('./commands/fleet.ts')).registerFleet,
  channels: async () => (await import('./commands/channels.ts')).registerChannels,
  cycles: async () => (await import('./commands/cycles.ts')).registerCycles,
  ledger: async () => (await import('./commands/ledger.ts')).registerLedger,
  usage: async () => (await import('./commands/usage.ts')).registerUsage,
  query: async () => (await import('./commands/query.ts')).registerQuery,
  sql: async () => (await import('./commands/sql.ts')).registerSql,
  backup: async () => (await import('./commands/backup.ts')).registerBackup,
  courier: async () => (await import('./commands/courier.ts')).registerCourier,
  drill: async () => (await import('./commands/drill.ts')).registerDrill,
  restore: async () => (await import('./commands/restore.ts')).registerRestore,
  redecode: async () => (await import('./commands/redecode.ts')).registerRedecode,
  import: async () => (await import('./commands/import.ts')).registerImport,
  invite: async () => (await import('./commands/invite.ts')).registerInvite,
  enroll: async () => (await import('./commands/enroll.ts')).registerEnroll,
  revoke: async () => (await import('./commands/revoke.ts')).registerRevoke,
  replay: async () => (await import('./commands/replay.ts')).registerReplay,
  export: async () => (await import('./commands/export.ts')).registerExport,
  tail: async () => (await import('./commands/tail.ts')).registerTail,
};

const program = exitWithUsageCode(new Command('caisson'))
  .description('Telemetry gateway for the edge.')
  .version(caissonVersion())
  .enablePositionalOptions()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'caisson: ')) })
  .showHelpAfterError('(--help shows how it is used)')
  .addHelpText(
    'after',
    '\nExamples:\n  caisson demo\n  caisson init\n  caisson run\n  caisson channels\n  caisson help query',
  );

const asked = process.argv[2] ?? '';
for (const [name, load] of Object.entries(COMMANDS)) {
  if (name === asked || !Object.hasOwn(COMMANDS, asked)) (await load())(program);
}

await conclude(async () => {
  await program.parseAsync();
});
