import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { type Rig, startRig } from '../../hardware/simulated/rig.ts';
import type { CyclesConfig } from '../analysis/cycles/cycles-config.ts';
import { CaissonError } from '../errors.ts';
import { counted } from '../quantity-text.ts';
import { carCycles, carSources } from './car-sources.ts';
import { CaissonChild } from './child-process.ts';
import { conclude, interrupted, UsageError } from './outcome.ts';
import { recordingSources } from './recording-sources.ts';
import type { SourceConfig } from './source-kinds.ts';

const CARS_MAX = 20;

/** Where commands look for a gateway when they are not told. */
const GRPC_PORT = 7443;

/** How a person calls this program: installed, or from the project's folder. */
const CALL = basename(process.argv[1] ?? '') === 'caisson' ? 'caisson' : 'npx caisson';

interface Options {
  readonly recording?: string;
  readonly cars: string;
  readonly seed: string;
  readonly data?: string;
  readonly port: string;
  readonly grpcPort: string;
  readonly centralPort: string;
  readonly mqttPort: string;
}

interface Ports {
  readonly http: number;
  readonly grpc: number;
  readonly central: number;
  readonly mqtt: number;
}

export function registerDemo(program: Command): void {
  program
    .command('demo')
    .option('--recording <dir>', 'play the recordings in this folder instead of simulating')
    .option('--cars <n>', `simulated cars, 1 to ${CARS_MAX}`, '1')
    .option('--seed <n>', 'seed of the simulation: the same seed drives the same laps', '1')
    .option('--data <dir>', 'keep both stores here; without it they are thrown away at the end')
    .option('--port <n>', 'of the dashboard', '8080')
    .option('--grpc-port <n>', 'of the gateway', String(GRPC_PORT))
    .option('--central-port <n>', 'of central', '7444')
    .option('--mqtt-port <n>', 'of the broker', '1883')
    .addHelpText(
      'after',
      `
Examples:
  caisson demo
  caisson demo --cars 2
  caisson demo --recording recordings/rav4`,
    )
    .action((options: Options) => conclude(() => demo(options)));
}

async function demo(options: Options): Promise<void> {
  const cars = wholeNumber('--cars', options.cars, 1, CARS_MAX);
  const seed = wholeNumber('--seed', options.seed, 0, 0xffffffff);
  const ports = await freePorts(options);
  const folder = options.data === undefined ? mkdtempSync(join(tmpdir(), 'caisson-demo-')) : resolve(options.data);
  mkdirSync(folder, { recursive: true });
  const stop = interrupted();
  const closers: (() => Promise<void>)[] = [];
  try {
    const rig = options.recording === undefined ? await startRig({ cars, seed }) : undefined;
    if (rig !== undefined) closers.push(() => rig.stop());
    const sources = await sourcesOf(rig, options.recording, folder, ports.mqtt);
    const cycles = rig === undefined ? {} : carCycles(rig);
    const config = writeConfig(folder, ports, { sources, cycles });
    const children = startChildren(config, folder, ports);
    closers.push(...children.map((child) => () => child.stop()));
    const interruption = aborted(stop);
    await Promise.race([Promise.all(children.map(({ up }) => up)), interruption]);
    if (!stop.aborted) {
      // A broker that went away meanwhile is tried again; what the car says until then is lost, as with a real one.
      void rig?.connectMqtt(`mqtt://127.0.0.1:${ports.mqtt}`);
      describe(rig, options.recording, folder, ports, sources);
    }
    await interruption;
    say('stopping');
  } finally {
    for (const close of closers.reverse()) await close();
    if (options.data === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

async function sourcesOf(
  rig: Rig | undefined,
  recording: string | undefined,
  folder: string,
  mqttPort: number,
): Promise<Record<string, SourceConfig>> {
  const sources =
    rig === undefined || recording !== undefined
      ? { ...(await recordingSources(recording ?? '')), mqtt: { type: 'mqtt', port: mqttPort } as const }
      : carSources(rig, folder, mqttPort);
  return { ...sources, box: { type: 'health' } };
}

/** The gateway is configured as any other, by a file that can be read and changed. */
function writeConfig(
  folder: string,
  ports: Ports,
  { sources, cycles }: { readonly sources: Record<string, SourceConfig>; readonly cycles: CyclesConfig },
): string {
  const path = join(folder, 'caisson.yaml');
  const config = {
    gateway: { id: 'demo' },
    store: { dir: join(folder, 'gateway') },
    dashboard: { port: ports.http },
    grpc: { port: ports.grpc },
    cycles,
    sources,
  };
  writeFileSync(path, stringify(config));
  return path;
}

/** Starts gateway and central; each says itself when it is up. */
function startChildren(config: string, folder: string, ports: Ports): CaissonChild[] {
  const child = (name: string, sign: string, ...args: readonly string[]) =>
    new CaissonChild({
      ...{ name, sign, args },
      onLine: (line) => process.stderr.write(`${name}: ${line}\n`),
      onProblem: say,
    });
  const { central, grpc } = ports;
  const store = join(folder, 'central');
  return [
    child('gateway', 'dashboard http://', 'run', config),
    child(
      'central',
      'central answers',
      ...['central', '--data', store, '--listen', `127.0.0.1:${central}`, '--pull', `127.0.0.1:${grpc}`],
    ),
  ];
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}

function describe(
  rig: Rig | undefined,
  recording: string | undefined,
  folder: string,
  ports: Ports,
  sources: Record<string, SourceConfig>,
): void {
  const subject = rig === undefined ? `recordings of ${recording}` : counted(rig.cars.length, 'simulated car');
  const server = (port: number, usual: number) => (port === usual ? '' : ` --server 127.0.0.1:${port}`);
  const atGateway = server(ports.grpc, GRPC_PORT);
  process.stdout.write(`
Caisson demo: ${subject}, ${counted(Object.keys(sources).length, 'source')}
  dashboard      http://127.0.0.1:${ports.http}
  gateway        ${CALL} status${atGateway}
  central        ${CALL} status --server 127.0.0.1:${ports.central}
  channels       ${CALL} channels${atGateway}
${rig === undefined ? '' : `  laps           ${CALL} cycles${atGateway}\n`}  publish        mosquitto_pub -h 127.0.0.1 -p ${ports.mqtt} -q 1 -t my/sensor -m 42
  and see it     ${CALL} tail my/sensor${atGateway}
  configuration  ${join(folder, 'caisson.yaml')}
Ctrl-C ends it.
`);
}

function say(text: string): void {
  process.stderr.write(`demo: ${text}\n`);
}

/** The ports themselves if nobody has them, any free ones for 0. @throws CaissonError `port-unavailable` */
async function freePorts(options: Options): Promise<Ports> {
  const asked = [
    { option: '--port', text: options.port },
    { option: '--grpc-port', text: options.grpcPort },
    { option: '--central-port', text: options.centralPort },
    { option: '--mqtt-port', text: options.mqttPort },
  ].map(({ option, text }) => ({ option, port: wholeNumber(option, text, 0, 65_535) }));
  const servers: Server[] = [];
  try {
    // All are held until all are known, so that no two are the same.
    for (const { option, port } of asked) servers.push(await listening(option, port));
    const [http = 0, grpc = 0, central = 0, mqtt = 0] = servers.map((server) => (server.address() as AddressInfo).port);
    return { http, grpc, central, mqtt };
  } finally {
    for (const server of servers) server.close();
  }
}

function listening(option: string, port: number): Promise<Server> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on('error', (cause) => {
      fail(
        new CaissonError('port-unavailable', `port ${port} is taken: ${cause.message}`, {
          cause,
          hint: `${option} 0 takes a free one`,
        }),
      );
    });
    server.listen(port, '127.0.0.1', () => done(server));
  });
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new UsageError(`${option} is ${text}, expected a whole number from ${least} to ${most}`);
}
