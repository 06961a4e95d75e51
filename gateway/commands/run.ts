import process from 'node:process';
import type { Command } from 'commander';
import { counted } from '../quantity-text.ts';
import { CONFIG_FILE } from './config-file.ts';
import type { CaissonConfig } from './config-schema.ts';
import { runWithTrials } from './config-trial/run-with-trials.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { conclude, interrupted } from './outcome.ts';
import { WEB_ROOT } from './web-root.ts';

export function registerRun(program: Command): void {
  program
    .command('run')
    .argument('[file]', 'configuration', CONFIG_FILE)
    .addHelpText(
      'after',
      `
Examples:
  caisson run
  caisson run /etc/caisson/caisson.yaml

A central that the configuration lets do so may offer another one: it is tried, and taken back by itself where data is worse off.
Ends in good order at Ctrl-C or SIGTERM: every sample taken in is on disk then.`,
    )
    .action((file: string) => conclude(() => run(file, program.version() ?? 'unknown')));
}

async function run(file: string, version: string): Promise<void> {
  const stop = interrupted();
  const say = (text: string) => process.stderr.write(`${new Date().toISOString()} ${text}\n`);
  await runWithTrials(file, {
    ...{ version, webRoot: WEB_ROOT, say, stop },
    onRunning: (gateway, config) => announce(gateway, config, say),
  });
}

function announce(gateway: GatewayProcess, config: CaissonConfig, say: (text: string) => void): void {
  say(
    `gateway ${gateway.gateway} runs, ${counted(Object.keys(config.sources).length, 'source')}, store in ${config.store.dir}`,
  );
  if (gateway.recoveredSamples > 0) {
    say(`${gateway.recoveredSamples} samples of the run before recovered from the journal`);
  }
  say(`dashboard http://${config.dashboard.host}:${gateway.httpPort}  gRPC ${config.grpc.host}:${gateway.grpcPort}`);
}
