import { spawnSync } from 'node:child_process';
import process from 'node:process';

interface DebianPackage {
  /** What `apt-get install` calls it; several with spaces between. */
  readonly package: string;
  /** Command that succeeds where it is installed. */
  readonly probe: readonly [command: string, ...args: string[]];
  readonly usedFor: string;
}

/** Programs that tests hold against ours: installed by the test runner where it may, needed by no part of Caisson itself. */
export const DEBIAN_PACKAGES = {
  chromium: {
    package: 'chromium',
    probe: ['chromium', '--version'],
    usedFor: 'opening the dashboard as a viewer does',
  },
  mosquitto: {
    package: 'mosquitto-clients',
    probe: ['sh', '-c', 'command -v mosquitto_pub'],
    usedFor: 'publishing and subscribing with an MQTT client of another make',
  },
  'mosquitto-broker': {
    package: 'mosquitto',
    probe: ['test', '-x', '/usr/sbin/mosquitto'],
    usedFor: 'holding the MQTT broker against another, and subscribing there',
  },
  canmatrix: {
    package: 'python3-canmatrix',
    probe: ['/usr/bin/python3', '-c', 'import canmatrix'],
    usedFor: 'decoding CAN frames by the same DBC with another decoder',
  },
  'python-can': {
    package: 'python3-can',
    probe: ['/usr/bin/python3', '-c', 'import can'],
    usedFor: 'writing and reading recordings of CAN frames as others do',
  },
  'can-utils': {
    package: 'can-utils',
    probe: ['sh', '-c', 'command -v log2asc'],
    usedFor: 'writing and converting CAN logs as others do',
  },
  gpsd: {
    package: 'gpsd-clients',
    probe: ['sh', '-c', 'command -v gpsdecode'],
    usedFor: 'decoding what satellite receivers send with another decoder',
  },
  pymodbus: {
    package: 'python3-pymodbus python3-serial-asyncio',
    probe: ['/usr/bin/python3', '-c', 'import pymodbus.server.async_io'],
    usedFor: 'reading from a Modbus server of another make',
  },
  'victoria-metrics': {
    package: 'victoria-metrics',
    probe: ['sh', '-c', 'command -v victoria-metrics'],
    usedFor: 'holding the store against another time series database',
  },
  influxdb: {
    package: 'influxdb',
    probe: ['sh', '-c', 'command -v influxd'],
    usedFor: 'reading line protocol as its inventors do, and holding its intake against another',
  },
  postgresql: {
    package: 'postgresql',
    probe: ['sh', '-c', 'test -x /usr/lib/postgresql/*/bin/postgres'],
    usedFor: 'keeping the blocks of a central, and holding its intake against a row a sample',
  },
  nats: {
    package: 'nats-server',
    probe: ['test', '-x', '/usr/sbin/nats-server'],
    usedFor: 'carrying what the processes of a central tell each other',
  },
  chrony: {
    package: 'chrony',
    probe: ['test', '-x', '/usr/sbin/chronyd'],
    usedFor: 'asking a time daemon whether it has the clock in step',
  },
  curl: {
    package: 'curl',
    probe: ['curl', '--version'],
    usedFor: 'writing lines over HTTP with a client of another make',
  },
  openssl: {
    package: 'openssl',
    probe: ['openssl', 'version'],
    usedFor: 'making certificates that tests are let in with, and refused',
  },
  cc: {
    package: 'gcc libc6-dev',
    probe: ['sh', '-c', 'printf "#include <stdio.h>\\nint main(void){return 0;}" | cc -x c -o /dev/null -'],
    usedFor: 'compiling the example that sends packed frames',
  },
  python3: {
    package: 'python3',
    probe: ['/usr/bin/python3', '--version'],
    usedFor: 'running the example that sends packed frames',
  },
  'python-grpc': {
    package: 'python3-grpcio python3-protobuf protobuf-compiler',
    probe: ['sh', '-c', 'command -v protoc && /usr/bin/python3 -c "import grpc, google.protobuf"'],
    usedFor: 'reading over gRPC and Arrow Flight as an analyst does in Python',
  },
} satisfies Record<string, DebianPackage>;

export type DebianTool = keyof typeof DEBIAN_PACKAGES;

export const DEBIAN_TOOLS = Object.keys(DEBIAN_PACKAGES) as DebianTool[];

const found = new Map<DebianTool, boolean>();

export function isInstalled(tool: DebianTool): boolean {
  let there = found.get(tool);
  if (there === undefined) {
    const [command, ...args] = DEBIAN_PACKAGES[tool].probe;
    there = spawnSync(command, args, { stdio: 'ignore', timeout: 300_000 }).status === 0;
    found.set(tool, there);
  }
  return there;
}

/** The part of tap's `t` that {@link requireTools} uses. */
export interface Skippable {
  pass(message: string, extra: { skip: string }): unknown;
  fail(message: string): unknown;
}

/**
 * True when every tool is there. Otherwise the test is skipped with the reason, or fails under `CI=true`, where nothing
 * may stay unchecked: `if (!requireTools(t, 'chromium')) return;`
 */
export function requireTools(t: Skippable, ...tools: readonly (DebianTool | readonly DebianTool[])[]): boolean {
  const message = missingText(tools.flat() as DebianTool[]);
  if (message === undefined) return true;
  if (process.env.CI === 'true') t.fail(message);
  else t.pass(message, { skip: message });
  return false;
}

/** Which of these tools are not installed, and how they would be; undefined where all are. */
export function missingText(tools: readonly DebianTool[]): string | undefined {
  const packages = missingPackages(tools).join(' ');
  return packages === '' ? undefined : `not installed: ${packages} (apt-get install ${packages})`;
}

/**
 * Installs what is missing, when this process may (root, with apt). What cannot be installed stays missing.
 *
 * @param say told of each step
 */
export function installMissing(say: (line: string) => void, tools: readonly DebianTool[] = DEBIAN_TOOLS): void {
  const packages = missingPackages(tools);
  if (packages.length === 0) return;
  if (process.getuid?.() !== 0 || !runs('apt-get', ['--version'])) return;
  say(`installing ${packages.join(' ')}`);
  const install = ['install', '--yes', '--no-install-recommends', ...packages];
  if (!runs('apt-get', install)) {
    runs('apt-get', ['update']);
    if (!runs('apt-get', install)) say('apt-get could not install them');
  }
  found.clear();
}

function missingPackages(tools: readonly DebianTool[]): string[] {
  return tools.filter((tool) => !isInstalled(tool)).flatMap((tool) => DEBIAN_PACKAGES[tool].package.split(' '));
}

function runs(command: string, args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env, timeout: 600_000 }).status === 0;
}
