#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=2
import process from 'node:process';
import { Command } from 'commander';
import { conclude, exitWithUsageCode } from './commands/outcome.ts';
import { caissonVersion } from './commands/version.ts';

interface Summarized {
  readonly summary: string;
  /** What adds it to a program. */
  readonly load: () => Promise<(program: Command) => void>;
}

/** Every command by name. Only the one that is asked for is loaded: a gateway that runs for years then carries no code of the others. */
const COMMANDS: Readonly<Record<string, Summarized>> = {
  demo: {
    summary: 'a gateway and a central at work on a simulated racing car, or on recordings of real ones',
    load: async () => (await import('./commands/demo.ts')).registerDemo,
  },
  run: {
    summary: 'run the gateway: take in samples, keep them, show and serve them',
    load: async () => (await import('./commands/run.ts')).registerRun,
  },
  central: {
    summary: 'run the data-center side: pull blocks from gateways into one store and answer queries over it',
    load: async () => (await import('./commands/central.ts')).registerCentral,
  },
  init: {
    summary: 'write a config file to start from, with every key explained',
    load: async () => (await import('./commands/init.ts')).registerInit,
  },
  check: {
    summary: 'say whether a config fits, and what a gateway with it opens; with --store, whether a store is whole',
    load: async () => (await import('./commands/check.ts')).registerCheck,
  },
  schema: {
    summary: 'print the schema of caisson.yaml: JSON Schema draft-07, as editors read it',
    load: async () => (await import('./commands/schema.ts')).registerSchema,
  },
  doctor: {
    summary: 'find what is wrong with ports, buses, clocks and disk, and say what mends it',
    load: async () => (await import('./commands/doctor.ts')).registerDoctor,
  },
  status: {
    summary: 'print how a gateway or a central does',
    load: async () => (await import('./commands/status.ts')).registerStatus,
  },
  fetch: {
    summary: 'have a central pull samples of a range before all others, where a backlog would bring them late',
    load: async () => (await import('./commands/fetch.ts')).registerFetch,
  },
  fleet: {
    summary: 'list the boxes of a central, those that need attention first, with the reason',
    load: async () => (await import('./commands/fleet.ts')).registerFleet,
  },
  channels: {
    summary: 'list the channels of a gateway or a central',
    load: async () => (await import('./commands/channels.ts')).registerChannels,
  },
  sessions: {
    summary: 'say what stretches of the recording are called, and list them',
    load: async () => (await import('./commands/sessions.ts')).registerSessions,
  },
  cycles: {
    summary: 'list laps, hauls and batches, of a gateway or a central',
    load: async () => (await import('./commands/cycles.ts')).registerCycles,
  },
  ledger: {
    summary: 'say what became of every sample: kept, or lost and why; and where two ends differ',
    load: async () => (await import('./commands/ledger.ts')).registerLedger,
  },
  usage: {
    summary: 'the bill of a month: bytes of each line and destination, samples of each owner, what is stored',
    load: async () => (await import('./commands/usage.ts')).registerUsage,
  },
  query: {
    summary: 'print samples of channels, from a gateway or a central',
    load: async () => (await import('./commands/query.ts')).registerQuery,
  },
  sql: {
    summary: 'run a SQL statement that reads a store, of a gateway or a central, running or not',
    load: async () => (await import('./commands/sql.ts')).registerSql,
  },
  backup: {
    summary: 'back up a store, of a gateway or a central, running or not, and check what was written',
    load: async () => (await import('./commands/backup.ts')).registerBackup,
  },
  courier: {
    summary: 'carry blocks to a central on a medium, encrypted to its key',
    load: async () => (await import('./commands/courier.ts')).registerCourier,
  },
  drill: {
    summary: 'try what is there for the bad day, and report',
    load: async () => (await import('./commands/drill.ts')).registerDrill,
  },
  restore: {
    summary: 'make a store from a backup, or from what a central has, in a folder that is empty or not there yet',
    load: async () => (await import('./commands/restore.ts')).registerRestore,
  },
  redecode: {
    summary: 'decode what a source kept raw once more, with a corrected DBC, as a new version of the past',
    load: async () => (await import('./commands/redecode.ts')).registerRedecode,
  },
  import: {
    summary: 'take recordings into a store at once, under the times that they were recorded at',
    load: async () => (await import('./commands/import.ts')).registerImport,
  },
  invite: {
    summary: 'at central: make a token with which a gateway, another central or a reader enrols, once',
    load: async () => (await import('./commands/invite.ts')).registerInvite,
  },
  enroll: {
    summary: 'get the certificate by which central and this box know each other, with a token of `caisson invite`',
    load: async () => (await import('./commands/enroll.ts')).registerEnroll,
  },
  revoke: {
    summary: 'at central: take back the certificates of a gateway, a central or a reader',
    load: async () => (await import('./commands/revoke.ts')).registerRevoke,
  },
  replay: {
    summary: 'play recordings as if they came in now, through the collectors of live sources, and show them',
    load: async () => (await import('./commands/replay.ts')).registerReplay,
  },
  export: {
    summary: 'write samples of a store, of a gateway or a central, running or not, for other programs',
    load: async () => (await import('./commands/export.ts')).registerExport,
  },
  tail: {
    summary: 'print values of channels as they change, from a gateway or a central, until interrupted',
    load: async () => (await import('./commands/tail.ts')).registerTail,
  },
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

const [first = '', second = ''] = process.argv.slice(2);
const asked = first === 'help' ? second : first;
for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
  if (name === asked) (await load())(program);
  else if (!Object.hasOwn(COMMANDS, asked)) program.command(name);
  program.commands.find((command) => command.name() === name)?.description(summary);
}

await conclude(async () => {
  await program.parseAsync();
});
