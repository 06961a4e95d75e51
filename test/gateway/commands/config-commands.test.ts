import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import t from 'tap';
import { parse } from 'yaml';
import { readConfigFile } from '../../../gateway/commands/config.ts';
import { CONFIG_SCHEMA } from '../../../gateway/commands/config-schema.ts';
import { configEditorSchema, configMarkdown } from '../../../gateway/commands/schema.ts';
import { SOURCE_KINDS } from '../../../gateway/commands/source-kinds.ts';
import { loadConfig } from '../../../gateway/config/load-config.ts';
import { MAIN } from '../../main-script.ts';

function caisson(args: readonly string[], cwd: string, env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 300_000,
  });
  return { status, stdout, stderr };
}

t.test('caisson --version prints the version of the package', async (t) => {
  const { status, stdout } = caisson(['--version'], t.testdir());
  t.equal(status, 0);
  t.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

t.test('caisson --help lists every command and ends with 0', async (t) => {
  const { status, stdout } = caisson(['--help'], t.testdir());
  t.equal(status, 0);
  for (const command of ['run', 'init', 'check', 'schema', 'query', 'tail', 'status', 'central']) {
    t.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
  }
});

const misused: [args: string[], stderr: RegExp][] = [
  [['chekc'], /^caisson: unknown command 'chekc'\n\(Did you mean check\?\)/],
  [['check', '--jsn'], /^caisson: unknown option '--jsn'\n\(Did you mean --json\?\)/],
  [['check', 'a', 'b'], /^caisson: too many arguments/],
  [['check', 'gone.yaml'], /^caisson: .*gone\.yaml.*\n.*caisson init/],
];
for (const [args, expected] of misused) {
  t.test(`caisson ${args.join(' ')} ends with 2 and says why`, async (t) => {
    const { status, stdout, stderr } = caisson(args, t.testdir());
    t.equal(status, 2);
    t.equal(stdout, '');
    t.match(stderr, expected);
  });
}

t.test('caisson init writes a file that caisson check finds fit', async (t) => {
  const folder = t.testdir();
  t.equal(caisson(['init'], folder).status, 0);
  const { status, stdout, stderr } = caisson(['check'], folder);
  t.equal(stderr, '');
  t.equal(status, 0);
  t.match(stdout, /^caisson\.yaml fits: 1 source\n/);
  t.match(stdout, /source {5}health {2}health {2}this box/);
  t.match(stdout, join(folder, 'caisson-data'));
});

t.test('caisson init never writes over a file', async (t) => {
  const folder = t.testdir({ 'caisson.yaml': 'mine' });
  const { status, stderr } = caisson(['init'], folder);
  t.equal(status, 1);
  t.match(stderr, /caisson\.yaml is there already/);
  t.equal(readFileSync(join(folder, 'caisson.yaml'), 'utf8'), 'mine');
});

t.test('what the sample sets is what holds without it, and what stands behind # fits the schema', async (t) => {
  const folder = t.testdir();
  caisson(['init', 'sample.yaml'], folder);
  const sample = readFileSync(join(folder, 'sample.yaml'), 'utf8');
  const load = (text: string) =>
    loadConfig(CONFIG_SCHEMA, text, { env: {}, readFile: () => '', resolvePath: (path) => path });
  const { sources: _, ...set } = load(sample).config ?? {};
  const { sources: __, ...standard } = load('').config ?? {};
  t.same(set, standard);

  const uncommented = sample.replace(/^( *)#(?! )/gm, '$1');
  const { config, issues } = load(uncommented);
  t.same(issues, []);
  t.same(Object.keys(config?.sources ?? {}).sort(), Object.keys(SOURCE_KINDS).sort());
});

t.test('caisson check points at what is wrong and ends with 1', async (t) => {
  const folder = t.testdir({ 'caisson.yaml': 'dashboard:\n  prot: 80\n' });
  const { status, stdout, stderr } = caisson(['check'], folder);
  t.equal(status, 1);
  t.equal(stdout, '');
  t.equal(
    stderr,
    'dashboard.prot: unknown key at 2:3, did you mean port?\n  2 |   prot: 80\n    |   ^\ncaisson.yaml: 1 issue\n',
  );
});

t.test('caisson check --json gives issues with their place, and what is opened when there are none', async (t) => {
  const folder = t.testdir({
    'bad.yaml': 'grpc: {port: x}',
    'good.yaml': [
      'gateway: {id: pit-12}',
      'store: {dir: data}',
      'sources:',
      '  broker: {type: mqtt, port: 1999}',
      '  gps: {type: serial, port: {log: gps.log}}',
    ].join('\n'),
  });
  const bad = caisson(['check', 'bad.yaml', '--json'], folder);
  t.equal(bad.status, 1);
  t.same(JSON.parse(bad.stdout), {
    file: 'bad.yaml',
    ok: false,
    issues: [
      { path: 'grpc.port', line: 1, column: 14, message: 'grpc.port: expected a whole number, got "x" at 1:14' },
    ],
  });
  const good = caisson(['check', 'good.yaml', '--json'], folder);
  t.equal(good.status, 0);
  t.same(JSON.parse(good.stdout), {
    file: 'good.yaml',
    ok: true,
    issues: [],
    plan: {
      gateway: 'pit-12',
      store: join(folder, 'data'),
      dashboard: 'http://127.0.0.1:8080',
      grpc: '127.0.0.1:7443',
      dials: [],
      sources: [
        { name: 'broker', type: 'mqtt', opens: 'port 127.0.0.1:1999' },
        { name: 'gps', type: 'serial', opens: `recording ${join(folder, 'gps.log')}` },
      ],
      cycles: [],
    },
  });
});

const unsafe: [name: string, yaml: string, message: RegExp][] = [
  ['a dashboard that the network reaches', 'dashboard: {host: 0.0.0.0}', /dashboard\.host: .*"0\.0\.0\.0" at 1:19/],
  ['a gRPC service that the network reaches', 'grpc: {host: "::"}', /grpc\.host: .*"::" at 1:14/],
  [
    'an open broker that the network reaches',
    'sources: {b: {type: mqtt, listen: 0.0.0.0}}',
    /sources\.b\.listen: .*users/,
  ],
  ['two servers on one port', 'grpc: {port: 8080}', /grpc\.port: 127\.0\.0\.1:8080 is taken by dashboard\.port/],
  [
    'two sources at one device',
    'sources: {a: {type: serial, port: {path: /dev/x}}, b: {type: can, bus: {slcan: /dev/x, bitrate: 500000}}}',
    /sources\.b\.bus\.slcan: \/dev\/x is taken by sources\.a\.port\.path at 1:80/,
  ],
  [
    'a DBC file that is not there',
    'sources: {b: {type: can, bus: {log: x}, dbc: [gone.dbc]}}',
    /sources\.b\.dbc\[0\]: .*gone\.dbc: cannot be read: .* at 1:47, a path is relative/,
  ],
  [
    'a file of one bus that is no DBC file',
    'sources: {b: {type: can, bus: {log: x}, interfaces: {can0: {dbc: [caisson.yaml]}}}}',
    /sources\.b\.interfaces\.can0\.dbc\[0\]: .*caisson\.yaml/,
  ],
  [
    'a keep rule that does not say how',
    'sources: {b: {type: health, keep: [{channels: b/**}]}}',
    /sources\.b\.keep\[0\]: needs one of the keys every, rateHzMax, deadband, minMaxMs at 1:36/,
  ],
  [
    'a keep rule with two ways',
    'sources: {b: {type: health, keep: [{channels: b/**, every: 2, deadband: 1}]}}',
    /sources\.b\.keep\[0\]\.deadband: every is there too at 1:73, a rule leaves out in one way/,
  ],
  [
    'a heartbeat of nothing',
    'sources: {b: {type: health, keep: [{channels: b/**, every: 2, heartbeatS: 1}]}}',
    /sources\.b\.keep\[0\]\.heartbeatS: stands without deadband at 1:75/,
  ],
  [
    'a pattern that no channel fits',
    'sources: {b: {type: health, keep: [{channels: /b, every: 2}]}}',
    /sources\.b\.keep\[0\]\.channels: no channel has an empty segment .* got \/b at 1:47/,
  ],
  [
    'a keep rule behind one for the same channels',
    'sources: {b: {type: health, keep: [{channels: b/c, every: 2}, {channels: b/c, every: 3}]}}',
    /sources\.b\.keep\[1\]\.channels: keep\.0 is for the same channels at 1:74, the first counts/,
  ],
  [
    'a redundant channel that is made of itself',
    'redundancy: {channels: [{channel: a, from: [a, b]}]}',
    /redundancy\.channels\[0\]\.from\[0\]: a is made by channels\.0, not by a source at 1:45/,
  ],
  [
    'a channel that two are made of',
    'redundancy: {channels: [{channel: a, from: [b, c]}, {channel: d, from: [e, b]}]}',
    /redundancy\.channels\[1\]\.from\[1\]: b stands in channels\.0\.from\.0 already at 1:76/,
  ],
  [
    'two redundant channels of one name',
    'redundancy: {channels: [{channel: a, from: [b, c]}, {channel: a, from: [d, e]}]}',
    /redundancy\.channels\[1\]\.channel: a is made by channels\.0 at 1:63/,
  ],
  [
    'a redundant channel whose name cannot be',
    'redundancy: {channels: [{channel: /a, from: [b, c]}]}',
    /redundancy\.channels\[0\]\.channel: "\/a" is not the name of a channel at 1:35, did you mean a\?/,
  ],
  [
    'a cycle of a channel whose name cannot be',
    'cycles: {lap: {trigger: value, channel: car//lap}}',
    /cycles\.lap\.channel: "car\/\/lap" is not the name of a channel at 1:41, did you mean car\/lap\?/,
  ],
  [
    'a cycle by what the gateway says of itself',
    'cycles: {lap: {trigger: rising, channel: caisson/ring/used, threshold: 1}}',
    /cycles\.lap\.channel: caisson\/ring\/used is of the gateway itself, expected a channel of a source at 1:\d+/,
  ],
  [
    'a cycle without a threshold',
    'cycles: {haul: {trigger: above, channel: truck/load}}',
    /cycles\.haul.*threshold.* at 1:\d+/,
  ],
  [
    'a threshold where none is crossed',
    'cycles: {lap: {trigger: value, channel: car/lap, threshold: 1}}',
    /cycles\.lap\.threshold: unknown key at 1:\d+/,
  ],
  [
    'a trigger that is none',
    'cycles: {lap: {trigger: valeu, channel: car/lap}}',
    /cycles\.lap\.trigger: .*valeu.* at 1:\d+/,
  ],
  ['a cycle whose name is a path', 'cycles: {car/lap: {trigger: value, channel: car/lap}}', /cycles.* at 1:\d+/],
  [
    'sums of channels that cannot be',
    'cycles: {lap: {trigger: value, channel: car/lap, summary: [/car]}}',
    /cycles\.lap\.summary\[0\]: no channel has an empty segment .* at 1:\d+/,
  ],
  [
    'more kinds of cycles than there may be',
    `cycles: {${Array.from({ length: 17 }, (_, i) => `c${i}: {trigger: value, channel: a}`).join(', ')}}`,
    /cycles\.c16: expected 16 kinds of cycles at most at 1:\d+/,
  ],
  [
    'a topic filter that cannot be',
    'sources: {b: {type: mqtt, topics: [{filter: a#}]}}',
    /sources\.b: .*filter a# .* at 1:11/,
  ],
];
for (const [name, yaml, message] of unsafe) {
  t.test(`a config is refused for ${name}`, async (t) => {
    const { config, issues } = readConfigFile(join(t.testdir({ 'caisson.yaml': yaml }), 'caisson.yaml'));
    t.equal(config, undefined);
    t.equal(issues.length, 1);
    t.match(issues[0]?.message, message);
  });
}

t.test('secrets come from the environment and from files beside the config, and are printed nowhere', async (t) => {
  const folder = t.testdir({
    conf: {
      'caisson.yaml': [
        'sources:',
        '  b:',
        '    type: mqtt',
        '    listen: 0.0.0.0',
        '    users:',
        `      - {name: a, password: "\${CAISSON_TEST_PASSWORD}"}`,
        '      - {name: b, password_file: b.secret}',
      ].join('\n'),
      'b.secret': 'hush-file\n',
    },
  });
  const file = join('conf', 'caisson.yaml');
  const { status, stdout, stderr } = caisson(['check', file], folder, { CAISSON_TEST_PASSWORD: 'hush-env' });
  t.equal(status, 0, stderr);
  t.notMatch(stdout, /hush/);
  const without = caisson(['check', file], folder);
  t.equal(without.status, 1);
  t.match(without.stderr, 'sources.b.users[0].password: environment variable CAISSON_TEST_PASSWORD is not set at 6:29');
});

const MESSAGE = (id: number, name: string, gain: number) =>
  `BO_ ${id} ${name}: 8 Vector__XXX\n SG_ Speed : 0|8@1+ (${gain},0) [0|0] "" Vector__XXX\n`;

t.test('caisson check names what DBC files have that does not count, and who wins', async (t) => {
  const folder = t.testdir({
    'caisson.yaml': 'sources:\n  car:\n    type: can\n    bus: { log: drive.log }\n    dbc: [first.dbc, second.dbc]\n',
    'first.dbc': `${MESSAGE(256, 'WHEELS', 1)}${MESSAGE(257, 'SAME', 1)}`,
    'second.dbc': `\n${MESSAGE(256, 'WHEELS', 2)}${MESSAGE(257, 'SAME', 1)}${MESSAGE(258, 'WHEELS', 1)}NEW_ 1;\n`,
  });
  const { status, stdout } = caisson(['check'], folder);
  t.equal(status, 0);
  const notes = [
    'second.dbc:8: statement NEW_ is not known and was passed over',
    'second.dbc:2: message WHEELS (0x100) is passed over: first.dbc:1 has that identifier already, as message WHEELS',
    'second.dbc:6: message WHEELS (0x102) is called WHEELS_102 in channel names: first.dbc:1 has its name already',
  ];
  const local = (text: string) => text.replaceAll(`${folder}/`, '');
  const shown = local(stdout)
    .split('\n')
    .flatMap((line) => /^ {4}note +(.*)/.exec(line)?.[1] ?? []);
  t.same(shown, notes);
  const { plan } = JSON.parse(local(caisson(['check', '--json'], folder).stdout));
  t.same(plan.sources[0].notes, notes);
});

t.test('caisson schema is JSON Schema draft-07 that takes and refuses what caisson check does', async (t) => {
  const { status, stdout } = caisson(['schema'], t.testdir());
  t.equal(status, 0);
  const schema = JSON.parse(stdout) as Record<string, unknown>;
  t.same(schema, configEditorSchema());
  const validate = new Ajv({ strict: false }).compile(schema);
  const user = (yaml: string) => `sources: {b: {type: mqtt, users: [${yaml}]}}`;
  const cases: [yaml: string, fits: boolean][] = [
    ['{}', true],
    ['dashboard: {port: 1}', true],
    ['dashboard: {prt: 1}', false],
    [user('{name: a, password: b}'), true],
    [user('{name: a, password_file: b}'), true],
    [user('{name: a}'), false],
    [user('{name: a, password: b, password_file: b}'), false],
    ['sources: {a: {type: nothing}}', false],
  ];
  for (const [yaml, fits] of cases) t.equal(validate(parse(yaml)), fits, yaml);
});

t.test('caisson schema --markdown has a row for every key of every kind of source', async (t) => {
  const { status, stdout } = caisson(['schema', '--markdown'], t.testdir());
  t.equal(status, 0);
  t.equal(stdout, `${configMarkdown()}\n`);
  for (const kind of Object.keys(SOURCE_KINDS)) t.match(stdout, `\`type: ${kind}\``);
  for (const key of ['dir', 'host', 'users[].password', 'topics[].timestamp.field', 'limits.clientsMax', 'port.path']) {
    t.match(stdout, `| \`${key}\` |`);
  }
  for (const line of stdout.split('\n').filter((line) => line.startsWith('|'))) {
    t.equal(line.split(/(?<!\\)\|/).length, 6, line);
  }
});

t.test('a reader that has seen enough ends caisson schema quietly', async (t) => {
  const folder = t.testdir();
  const command = `"${process.execPath}" "${MAIN}" schema | head -n 1`;
  const { stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' });
  t.equal(stdout, '{\n');
  t.equal(stderr, '');
});

t.test('a file larger than any config is refused unread', async (t) => {
  const folder = t.testdir();
  writeFileSync(join(folder, 'caisson.yaml'), '#'.repeat((1 << 20) + 1));
  t.ok(existsSync(join(folder, 'caisson.yaml')));
  const { status, stderr } = caisson(['check'], folder);
  t.equal(status, 2);
  t.match(stderr, /1048577 bytes, expected 1048576 at most/);
});
