import process from 'node:process';
import type { Command } from 'commander';
import { CONFIG_FILE, requireConfig } from './config.ts';
import { startGateway } from './gateway-process.ts';
import { conclude, interrupted } from './outcome.ts';
import { WEB_ROOT } from './web-root.ts';

export function registerRun(program: Command): void {
  program
    .command('run')
    .description('run the gateway: take in samples, keep them, show and serve them')
    .argument('[file]', 'configuration', CONFIG_FILE)
    .addHelpText(
      'after',
      `
Examples:
  caisson run
  caisson run /etc/caisson/caisson.yaml

Ends in good order at Ctrl-C or SIGTERM: every sample taken in is on disk then.`,
    )
    .action((file: string) => conclude(() => run(file, program.version() ?? 'unknown')));
}

async function run(file: string, version: string): Promise<void> {
  const config = requireConfig(file);
  const stop = interrupted();
  const say = (text: string) => process.stderr.write(`${new Date().toISOString()} ${text}\n`);
  const options = { version, webRoot: WEB_ROOT, onProblem: say, signal: stop };
  const gateway = await startGateway(config, options).catch((error: unknown) => {
    if (!stop.aborted) throw error;
  });
  if (gateway === undefined) {
    say('stopped before the store could be opened');
    return;
  }
  say(`gateway ${gateway.gateway} runs, ${Object.keys(config.sources).length} sources, store in ${config.store.dir}`);
  if (gateway.recoveredSamples > 0)
    say(`${gateway.recoveredSamples} samples of the run before recovered from the journal`);
  say(`dashboard http://${config.dashboard.host}:${gateway.httpPort}  gRPC ${config.grpc.host}:${gateway.grpcPort}`);
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  say('stopping');
  await gateway.stop();
}
