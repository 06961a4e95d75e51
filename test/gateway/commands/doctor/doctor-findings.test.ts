import t from 'tap';
import type { CaissonConfig } from '../../../../gateway/commands/config-schema.ts';
import type { BoxFacts } from '../../../../gateway/commands/doctor/box-facts.ts';
import { boxFindings, secretFindings } from '../../../../gateway/commands/doctor/box-findings.ts';
import { linkFindings } from '../../../../gateway/commands/doctor/can-findings.ts';
import { ConfigPlaces } from '../../../../gateway/commands/doctor/config-places.ts';
import { deviceFinding, refusalFinding } from '../../../../gateway/commands/doctor/device-findings.ts';
import { type Examined, examinedText, isSound, together } from '../../../../gateway/commands/doctor/finding.ts';
import { statusFindings } from '../../../../gateway/commands/doctor/status-findings.ts';
import type { GatewayStatus, SourceStatus } from '../../../../gateway/status.ts';
import { STORE_NOTHING_YET } from '../../../../gateway/store-host.ts';
import type { CanLink } from '../../../../hardware/can/can-links.ts';
import type { Holder } from '../../../../hardware/host/open-files.ts';

const codes = ({ findings }: Examined) => findings.map(({ code }) => code);

const NOW = Date.UTC(2026, 5, 1) * 1e3;

const BOX: BoxFacts = {
  room: { totalBytes: 64e9, freeBytes: 30e9 },
  disk: 'mmcblk0',
  life: { used: 0.1, isAtEnd: false },
  clock: { daemon: 'chrony', errorUs: 1500 },
  wallUs: NOW,
  filesMax: 524_288,
  listening: [],
  listeners: new Map(),
  storeHolder: undefined,
};

const CONFIG = {
  gateway: {},
  store: { dir: '/data' },
  dashboard: { host: '127.0.0.1', port: 8080 },
  grpc: { host: '127.0.0.1', port: 7443 },
  sources: { devices: { type: 'mqtt', listen: '0.0.0.0', port: 1883, limits: { clientsMax: 1000 } } },
} as unknown as CaissonConfig;

const MQTT = { path: ['sources', 'devices', 'port'], host: '0.0.0.0', port: 1883 };
const socket = (host: string, port: number) => ({ host, port, inode: 7 });

t.test('a box that has all that it needs has nothing wrong', async (t) => {
  const examined = boxFindings(CONFIG, BOX, [MQTT]);
  t.same(codes(examined), []);
  t.ok(isSound(examined));
  t.same(examined.sound.map(({ about }) => about).sort(), [
    'clock',
    'disk mmcblk0',
    'disk of /data',
    'open files',
    'source devices',
  ]);
});

const BOXES: Readonly<Record<string, Partial<BoxFacts>>> = {
  'clock-not-set': { wallUs: 1e12 },
  'clock-not-synchronised': { clock: { daemon: undefined, errorUs: undefined } },
  'disk-short': { room: { totalBytes: 64e9, freeBytes: 1e9 } },
  'store-unreachable': { room: undefined },
  'disk-worn': { life: { used: 0.9, isAtEnd: false } },
  'files-limited': { filesMax: 1024 },
  'port-taken': {
    listening: [socket('127.0.0.1', 1883), socket('::', 1884)],
    listeners: new Map([[7, { pid: 612, name: 'mosquitto' }]]),
  },
};

for (const [code, facts] of Object.entries(BOXES)) {
  t.test(`a box is told to have ${code}`, async (t) => {
    const examined = boxFindings(CONFIG, { ...BOX, ...facts }, [MQTT]);
    t.same(codes(examined), [code]);
    t.notOk(isSound(examined));
  });
}

t.test('a time daemon that runs and is not in step is named, and asked by its own tool', async (t) => {
  const examined = boxFindings(CONFIG, { ...BOX, clock: { daemon: 'chrony', errorUs: undefined } }, [MQTT]);
  t.match(examined.findings, [
    { code: 'clock-not-synchronised', seen: /^chrony runs/, mend: { command: 'chronyc sources' } },
  ]);
});

t.test('a port that is taken is named with who has it and the next that is free', async (t) => {
  const { findings } = boxFindings(CONFIG, { ...BOX, ...BOXES['port-taken'] }, [MQTT]);
  t.match(findings[0], {
    about: 'source devices',
    seen: /^mosquitto \(process 612\) listens on port 1883/,
    mend: { path: MQTT.path, config: 'port: 1885' },
  });
  const other = { ...BOX, listening: [socket('10.0.0.1', 1883)] };
  t.same(codes(boxFindings(CONFIG, other, [{ ...MQTT, host: '127.0.0.1' }])), [], 'of another address');
  t.same(codes(boxFindings(CONFIG, other, [{ ...MQTT, port: 0 }])), [], 'any free one');
});

const YAML = `sources:
  devices:
    type: mqtt
    users:
      - { name: a, password: secret }
      - { name: b, password: "\${PATH}" }
      - name: c
        password_file: c.txt
  gnss:
    type: serial
    port: { path: /dev/ttyUSB0 }
`;

t.test('secrets that others may read are told, wherever they stand', async (t) => {
  const dir = t.testdir({ 'c.txt': 'x' });
  const places = new ConfigPlaces(YAML, `${dir}/caisson.yaml`);
  const files = places.secretFiles();
  t.match(files, [{ path: ['sources', 'devices', 'users', '2', 'password_file'], file: `${dir}/c.txt` }]);
  const written = places.writtenSecrets(new Set(['password']));
  t.same(written, [['sources', 'devices', 'users', '0', 'password']]);
  const [file] = files;
  if (file === undefined) throw new Error('no file');
  t.same(codes(secretFindings('f', 0o600, [{ ...file, mode: 0o640 }], written)), []);
  t.same(codes(secretFindings('f', 0o644, [{ ...file, mode: 0o644 }], written)), [
    'secret-readable',
    'secret-readable',
  ]);
  t.same(codes(secretFindings('f', 0o644, [{ ...file, mode: undefined }], [])), ['secret-missing']);
  t.same(codes(secretFindings('f', 0o644, [], [])), []);
});

t.test('what mends it is told with its line, that of what is nearest where it is not there yet', async (t) => {
  const { lineOf } = new ConfigPlaces(YAML, 'caisson.yaml');
  t.equal(lineOf(['sources', 'gnss', 'port', 'path']), 11);
  t.equal(lineOf(['sources', 'gnss', 'port', 'baudRate']), 11);
  const examined = together([
    {
      findings: [
        { code: 'a', severity: 'note', about: 'x', seen: 's', means: 'm', mend: { byHand: 'look' } },
        {
          code: 'b',
          severity: 'broken',
          about: 'y',
          seen: 's',
          means: 'm',
          mend: { path: ['sources', 'gnss', 'port', 'path'], config: 'path: z' },
        },
        { code: 'c', severity: 'risk', about: 'w', seen: 's', means: 'm', mend: { command: 'true' } },
      ],
      sound: [{ about: 'v', seen: 'fine' }],
    },
  ]);
  t.equal(
    examinedText('caisson.yaml', examined, 'caisson.yaml', lineOf),
    [
      'caisson.yaml: 2 found wrong, 1 to note',
      '',
      '1. broken: y\n   seen   s\n   means  m\n   mend   caisson.yaml:11  path: z',
      '',
      '2. risk: w\n   seen   s\n   means  m\n   mend   $ true',
      '',
      '3. note: x\n   seen   s\n   means  m\n   mend   look',
      '',
      'well: v: fine\n',
    ].join('\n'),
  );
});

const SOURCE: SourceStatus = {
  name: 'gnss',
  kind: 'serial',
  state: 'running',
  received: 10_000,
  samples: 90_000,
  rate: 90,
  errors: { 'unknown GSV': 5000, 'no-utc': 3000 },
  dropped: 0,
  lastSeen: NOW - 1e6,
};

const STATUS: GatewayStatus = {
  role: 'gateway',
  gateway: 'box',
  boot: 'b',
  version: '1',
  startedAt: NOW - 3600e6,
  now: NOW,
  clock: { source: 'gnss', errorUs: 1000, doubted: [] },
  ring: { slots: 1024, used: 0, refused: 0 },
  store: STORE_NOTHING_YET,
  sources: [SOURCE],
  problems: [],
};

t.test('a gateway that runs well has nothing wrong', async (t) => {
  const examined = statusFindings(STATUS, NOW);
  t.same(codes(examined), []);
  t.match(
    examined.sound.find(({ about }) => about === 'source gnss'),
    { seen: '90000 samples, 90 a second' },
  );
});

const RETENTION = { rung: 'none', usedBytes: 1, limitBytes: 2, roomBytes: 1e9, hoursLeft: 5, classes: [] };
const WEAR = {
  disk: 'sda',
  writtenBytes: 1,
  bytesPerDay: 9e9,
  bytesPerSample: 1,
  yearsLeft: 1,
  used: 0.1,
  isOverBudget: true,
};
const withSource = (change: Partial<SourceStatus>): Partial<GatewayStatus> => ({ sources: [{ ...SOURCE, ...change }] });

const STATUSES: Readonly<Record<string, Partial<GatewayStatus>>> = {
  'clock-not-synchronised': { clock: { source: 'rtc', errorUs: 2e6, doubted: [] } },
  'clock-doubted': {
    clock: {
      ...{ source: 'ntp', errorUs: 1000 },
      doubted: [{ teller: 'gnss', source: 'gnss', why: 'jumped back by 61 s', aheadUs: -61e6 }],
    },
  },
  'cycle-untold': { cycles: [{ name: 'lap', channel: 'car/lapp', problem: 'no channel is named car/lapp' }] },
  'samples-lost': { store: { ...STORE_NOTHING_YET, lost: 4 } },
  'disk-short': { store: { ...STORE_NOTHING_YET, retention: { ...RETENTION, rung: 'bulk samples' } } },
  'store-fills': { store: { ...STORE_NOTHING_YET, retention: RETENTION } },
  'store-mended': {
    store: {
      ...STORE_NOTHING_YET,
      mended: { why: 'malformed', since: NOW - 60e6, folder: 'damaged-1', kept: 5, lost: 1, left: 0 },
    },
  },
  'disk-wears': { wear: WEAR },
  'source-waits': withSource({ state: 'waiting', problem: '/dev/ttyUSB0: no such file' }),
  'source-silent': withSource({ lastSeen: NOW - 600e6 }),
  'wire-noisy': withSource({ errors: { 'bad-checksum': 900 } }),
  'mostly-unknown': withSource({ errors: { 'no-definition': 9000 } }),
};

for (const [code, change] of Object.entries(STATUSES)) {
  t.test(`a gateway that runs is told to have ${code}`, async (t) => {
    const examined = statusFindings({ ...STATUS, ...change }, NOW);
    t.same(codes(examined), [code]);
    t.equal(isSound(examined), code === 'store-fills');
  });
}

const LINK = { name: 'can0', isUp: true, state: 'error-active' as const, bitrate: 250_000, received: 10 };

t.test('interfaces of the kernel are told by the state of their controller', async (t) => {
  const of = (change: Partial<CanLink>, frames = 0, used: readonly string[] = []) =>
    linkFindings([{ ...LINK, ...change }], new Map([['can0', frames]]), new Set(used));
  t.same(codes(of({}, 5)), []);
  t.same(codes(of({})), ['bus-silent']);
  t.same(codes(of({ isUp: false, state: 'stopped' })), ['bus-down']);
  t.match(of({ isUp: false }, 0, ['can0']).findings, [{ severity: 'broken' }], 'of a source');
  t.same(codes(of({}, 0, ['can0'])), [], 'the source itself is told to be silent');
  t.same(codes(of({ state: 'error-passive' }, 5)), ['error-passive']);
  const off = of({ state: 'bus-off' });
  t.same(codes(off), ['bus-off']);
  t.match(off.findings[0], {
    mend: { command: 'sudo ip link set can0 down && sudo ip link set can0 up type can bitrate 250000 restart-ms 100' },
  });
});

t.test('a device that is not there, held or forbidden is told with what mends it', async (t) => {
  const place = { about: 'source gnss', path: ['sources', 'gnss', 'port', 'path'] };
  const ports = [{ path: '/dev/serial/by-id/usb-u-blox-if00', device: '/dev/ttyACM0' }];
  const device = { path: '/dev/serial/by-id/usb-u-blox-if01', isThere: true, holder: undefined, group: 'dialout' };
  t.equal(deviceFinding(place, device, ports), undefined);
  t.match(deviceFinding(place, { ...device, isThere: false }, ports), {
    code: 'port-missing',
    mend: { path: place.path, config: 'path: /dev/serial/by-id/usb-u-blox-if00' },
  });
  t.match(deviceFinding(place, { ...device, isThere: false }, []), { mend: { byHand: /plug/ } });
  const held = (name: string, more: Partial<Holder> = {}) =>
    deviceFinding(place, { ...device, path: '/dev/ttyS9', holder: { pid: 9, name, ...more } }, ports);
  t.match(held('ModemManager'), { code: 'port-busy', mend: { command: 'sudo systemctl disable --now ModemManager' } });
  t.match(held('agetty'), { mend: { command: 'sudo systemctl disable --now serial-getty@ttyS9.service' } });
  t.match(held('minicom', { user: 'pit' }), {
    seen: 'minicom (process 9 of user pit) has /dev/ttyS9 open',
    mend: {
      byHand: /^quit minicom where it runs as pit, so that it saves what it has; where nobody can, `sudo kill 9`/,
    },
  });
  t.match(held('node', { script: 'logger.js', user: 'log', unit: 'logger.service' }), {
    seen: 'node logger.js (process 9 of user log, unit logger.service) has /dev/ttyS9 open',
    mend: { command: /^sudo systemctl stop logger\.service {3}#/ },
  });
  t.match(refusalFinding(place, device, 'Permission denied, cannot open'), {
    code: 'port-forbidden',
    mend: { command: /usermod -aG dialout/ },
  });
  t.match(refusalFinding(place, device, 'Cannot lock port'), { code: 'port-busy' });
  t.match(refusalFinding(place, device, 'Inappropriate ioctl'), { code: 'port-refused' });
});
