import { Type } from '@sinclair/typebox';
import t from 'tap';
import { codeFrame } from '../../../gateway/config/issue.ts';
import { type LoadConfigOptions, loadConfig } from '../../../gateway/config/load-config.ts';

const Device = Type.Object({ path: Type.String({ minLength: 1 }) }, { additionalProperties: false });
const Recording = Type.Object({ log: Type.String({ 'x-path': true }) }, { additionalProperties: false });
const Adapter = Type.Object(
  { adapter: Type.String(), speed: Type.Union([Type.Literal(1), Type.Literal(2), Type.Literal(4)]) },
  { additionalProperties: false },
);
const Capture = Type.Object(
  { capture: Type.String(), speed: Type.Optional(Type.Number()) },
  { additionalProperties: false },
);

const Wire = Type.Object(
  {
    type: Type.Literal('wire'),
    port: Type.Union([Device, Recording]),
    bus: Type.Optional(Type.Union([Adapter, Capture])),
    talker: Type.Optional(Type.String({ pattern: '^[A-Z]{2}$', 'x-pattern': 'two capitals' })),
    bitrate: Type.Optional(Type.Integer({ minimum: 1000, default: 500_000 })),
    speed: Type.Optional(Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.Literal('max')], { default: 1 })),
  },
  { additionalProperties: false },
);

const Broker = Type.Object(
  {
    type: Type.Literal('broker'),
    users: Type.Optional(
      Type.Array(
        Type.Object(
          { name: Type.String(), password: Type.String({ minLength: 1, writeOnly: true }) },
          { additionalProperties: false },
        ),
        { maxItems: 2, default: [] },
      ),
    ),
    parity: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('even'), Type.Literal('odd')])),
  },
  { additionalProperties: false },
);

const SCHEMA = Type.Object(
  {
    server: Type.Optional(
      Type.Object(
        {
          host: Type.Optional(Type.String({ default: '127.0.0.1' })),
          port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 })),
          open: Type.Optional(Type.Boolean({ default: false })),
        },
        { additionalProperties: false, default: {} },
      ),
    ),
    sources: Type.Optional(
      Type.Record(Type.String({ pattern: '^[a-z]+$' }), Type.Union([Wire, Broker]), {
        additionalProperties: false,
        default: {},
      }),
    ),
  },
  { additionalProperties: false },
);

const SURROUNDINGS: LoadConfigOptions<unknown> = {
  env: { PORT: '9090', NAME: 'pit', DIGITS: '007', OPEN: 'true', EMPTY: '', TRICK: '# not: yaml', NESTED: `\${NAME}` },
  readFile: (path) => {
    if (path === 'secret.txt') return 'hush\n';
    throw new Error(`no file ${path}`);
  },
  resolvePath: (path) => `/base/${path}`,
};

function load(lines: readonly string[], options: LoadConfigOptions<unknown> = SURROUNDINGS) {
  return loadConfig(SCHEMA, lines.join('\n'), options);
}

const refused: { name: string; lines: string[]; messages: string[] }[] = [
  {
    name: 'an unknown key with the nearest name',
    lines: ['sources:', '  car:', '    type: wire', '    port: {path: x}', '    bitrat: 5000'],
    messages: ['sources.car.bitrat: unknown key at 5:5, did you mean bitrate?'],
  },
  {
    name: 'an unknown key that is like none',
    lines: ['server:', '  colour: red'],
    messages: ['server.colour: unknown key at 2:3'],
  },
  {
    name: 'an unknown section, whatever it is called',
    lines: ['servr: {}', 'a/b~c: 1', '__proto__: 1', 'constructor: 2'],
    messages: [
      'servr: unknown key at 1:1, did you mean server?',
      'a/b~c: unknown key at 2:1',
      '__proto__: unknown key at 3:1',
      'constructor: unknown key at 4:1',
    ],
  },
  {
    name: 'a value of another type, with the value and what was expected',
    lines: ['server:', '  port: fast', '  open: 1', '  host: [a]'],
    messages: [
      'server.port: expected a whole number, got "fast" at 2:9',
      'server.open: expected true or false, got 1 at 3:9',
      'server.host: expected text, got a list of 1 at 4:9',
    ],
  },
  {
    name: 'a value out of range',
    lines: ['server: {port: 70000}', 'sources: {a: {type: wire, port: {log: x}, bitrate: 1, speed: 0}}'],
    messages: [
      'server.port: expected at most 65535, got 70000 at 1:16',
      'sources.a.bitrate: expected at least 1000, got 1 at 2:52',
      'sources.a.speed: expected more than 0, got 0 at 2:62',
    ],
  },
  {
    name: 'a fraction and a number that is none where a whole number belongs',
    lines: ['server: {port: 1.5}', 'sources: {a: {type: wire, port: {log: x}, speed: .nan}}'],
    messages: [
      'server.port: expected a whole number, got 1.5 at 1:16',
      'sources.a.speed: expected a number or "max", got NaN at 2:50',
    ],
  },
  {
    name: 'a section that is not keys with values',
    lines: ['server:', 'sources: []'],
    messages: [
      'server: expected keys with values, got nothing at 1:8',
      'sources: expected keys with values, got a list of 0 at 2:10',
    ],
  },
  { name: 'a file that is one word', lines: ['hello'], messages: ['expected keys with values, got "hello" at 1:1'] },
  {
    name: 'a name of a source that cannot begin channel names',
    lines: ['sources:', '  Car 1: {type: broker}'],
    messages: ['sources.Car 1: "Car 1" is not a name at 2:3, expected text that fits ^[a-z]+$'],
  },
  {
    name: 'only what is wrong with the kind that was meant',
    lines: ['sources:', '  car: {type: broker, port: {path: x}}', '  gps: {type: wire}'],
    messages: ['sources.car.port: unknown key at 2:23', 'sources.gps: needs the key port at 3:3'],
  },
  {
    name: 'an unknown kind with the kinds there are',
    lines: ['sources:', '  car: {type: brokr, port: 1}', '  gps: {port: 1}'],
    messages: [
      'sources.car.type: expected one of "wire", "broker", got "brokr" at 2:15, did you mean broker?',
      'sources.gps: needs the key type at 3:3, one of "wire", "broker"',
    ],
  },
  {
    name: 'a word that is not among those to choose from',
    lines: ['sources: {car: {type: broker, parity: evn}}'],
    messages: ['sources.car.parity: expected "none" or "even" or "odd", got "evn" at 1:39, did you mean even?'],
  },
  {
    name: 'only what is wrong with the nearest of alternatives that no word tells apart',
    lines: ['sources: {car: {type: wire, port: {log: x, lop: 1}}}'],
    messages: ['sources.car.port.lop: unknown key at 1:44, did you mean log?'],
  },
  {
    name: 'a wrong value under the right keys, though another alternative would take the value',
    lines: ['sources: {car: {type: wire, port: {log: x}, bus: {adapter: x, speed: 3}}}'],
    messages: ['sources.car.bus.speed: expected 1 or 2 or 4, got 3 at 1:70'],
  },
  {
    name: 'a word where keys belong, with the keys of each alternative',
    lines: ['sources: {car: {type: wire, port: COM1, bus: can0}, gps: wire}'],
    messages: [
      'sources.car.port: expected the key path or the key log, got "COM1" at 1:35',
      'sources.car.bus: expected the keys adapter and speed or the key capture, got "can0" at 1:46',
      'sources.gps: expected keys with values, of which type is one of "wire", "broker", got "wire" at 1:58',
    ],
  },
  {
    name: 'text that breaks a pattern, in the words of its schema',
    lines: ['sources: {car: {type: wire, port: {log: x}, talker: gps}}'],
    messages: ['sources.car.talker: expected two capitals, got "gps" at 1:53'],
  },
  {
    name: 'too long a list and an empty text inside it',
    lines: [
      'sources:',
      '  car:',
      '    type: broker',
      '    users:',
      '      - {name: a, password: ""}',
      '      - {name: b, password: b}',
      '      - {name: c, password: c}',
    ],
    messages: [
      'sources.car.users: expected at most 2 in the list, got a list of 3 at 5:7',
      'sources.car.users[0].password: expected text that is not empty, got something else at 5:29',
    ],
  },
  {
    name: 'a key given twice, with the place of the first',
    lines: ['server:', '  port: 1', '  host: a', '  port: 2'],
    messages: ['server.port: duplicate key (first at 2:3) at 4:3'],
  },
  {
    name: 'a secret given both ways',
    lines: [
      'sources:',
      '  car:',
      '    type: broker',
      '    users:',
      '    - {name: a, password: b, password_file: secret.txt}',
    ],
    messages: ['sources.car.users[0].password: given twice, also as password_file (first at 5:17) at 5:30'],
  },
  {
    name: 'a secret whose file cannot be read',
    lines: ['sources: {car: {type: broker, users: [{name: a, password_file: gone.txt}]}}'],
    messages: ['sources.car.users[0].password: password_file cannot be read: no file gone.txt at 1:64'],
  },
  {
    name: 'a file in place of a key that is no secret',
    lines: ['server: {host_file: secret.txt}'],
    messages: ['server.host_file: unknown key at 1:10'],
  },
  {
    name: 'an environment variable that is not set',
    lines: [`server: {host: "\${NAME}-\${GONE}"}`],
    messages: ['server.host: environment variable GONE is not set at 1:16'],
  },
  {
    name: 'a value from the environment without printing it',
    lines: ['server:', `  port: \${NAME}`],
    messages: [`server.port: expected a whole number, got what \${NAME} holds at 2:9`],
  },
  {
    name: 'a secret without printing it',
    lines: ['sources: {car: {type: broker, users: [{name: a, password: 123456}]}}'],
    messages: ['sources.car.users[0].password: expected text, got something else at 1:59'],
  },
  {
    name: 'an alias that holds itself',
    lines: ['server: &a', '  port: *a'],
    messages: [],
  },
  {
    name: 'YAML that is broken, with the place',
    lines: ['server:', '  port: [1, 2'],
    messages: ['Flow sequence in block collection must be sufficiently indented and end with a ] at 2:14'],
  },
  { name: 'a tab as indent', lines: ['server:', '\tport: 1'], messages: [] },
  { name: 'two documents', lines: ['server: {}', '---', 'server: {}'], messages: [] },
  { name: 'an alias without an anchor', lines: ['server: *gone'], messages: [] },
  { name: 'a tag that nobody knows', lines: ['server: !secret {}'], messages: [] },
];

for (const { name, lines, messages } of refused) {
  t.test(`refuses ${name}`, async (t) => {
    const { config, issues } = load(lines);
    t.equal(config, undefined);
    t.ok(issues.length > 0, 'has issues');
    for (const { line } of issues) t.ok(line >= 1 && line <= lines.length, 'stands in the file');
    if (messages.length > 0) {
      t.same(
        issues.map((issue) => issue.message),
        messages,
      );
    }
  });
}

const FILLED = { server: { host: '127.0.0.1', port: 8080, open: false }, sources: {} };

const taken: { name: string; lines: string[]; config: unknown }[] = [
  { name: 'an empty file as all defaults', lines: [''], config: FILLED },
  { name: 'a file of comments as all defaults', lines: ['# nothing', '--- # here'], config: FILLED },
  {
    name: 'what is set, with defaults around it',
    lines: ['server: {port: 0}', 'sources:', '  car: {type: wire, port: {path: /dev/x}}', '  bus: {type: broker}'],
    config: {
      server: { host: '127.0.0.1', port: 0, open: false },
      sources: {
        car: { type: 'wire', port: { path: '/dev/x' }, bitrate: 500_000, speed: 1 },
        bus: { type: 'broker', users: [] },
      },
    },
  },
  {
    name: 'paths relative to the file, and nothing else as a path',
    lines: ['sources: {a: {type: wire, port: {log: r.log}}, b: {type: wire, port: {path: r.log}, speed: max}}'],
    config: {
      ...FILLED,
      sources: {
        a: { type: 'wire', port: { log: '/base/r.log' }, bitrate: 500_000, speed: 1 },
        b: { type: 'wire', port: { path: 'r.log' }, bitrate: 500_000, speed: 'max' },
      },
    },
  },
  {
    name: 'environment variables, typed where they are not quoted',
    lines: ['server:', `  host: "\${DIGITS}"`, `  port: \${PORT}`, `  open: \${OPEN}`],
    config: { ...FILLED, server: { host: '007', port: 9090, open: true } },
  },
  {
    name: 'the text of an environment variable as it is, never as YAML and never filled in again',
    lines: [`server: {host: "\${TRICK}|\${NESTED}|\${EMPTY}|$\${NAME}|$NAME"}`],
    config: { ...FILLED, server: { host: `# not: yaml|\${NAME}||\${NAME}|$NAME`, port: 8080, open: false } },
  },
  {
    name: 'a secret from a file without its line end',
    lines: ['sources: {car: {type: broker, users: [{name: a, password_file: secret.txt}]}}'],
    config: { ...FILLED, sources: { car: { type: 'broker', users: [{ name: 'a', password: 'hush' }] } } },
  },
  {
    name: 'aliases',
    lines: ['sources:', '  a: &wire {type: wire, port: {path: x}}', '  b: *wire'],
    config: {
      ...FILLED,
      sources: {
        a: { type: 'wire', port: { path: 'x' }, bitrate: 500_000, speed: 1 },
        b: { type: 'wire', port: { path: 'x' }, bitrate: 500_000, speed: 1 },
      },
    },
  },
];

for (const { name, lines, config: expected } of taken) {
  t.test(`takes ${name}`, async (t) => {
    const { config, issues } = load(lines);
    t.same(issues, []);
    t.strictSame(JSON.parse(JSON.stringify(config ?? null)), expected);
  });
}

t.test('is frozen through and through', async (t) => {
  const { config } = load(['sources: {car: {type: broker, users: [{name: a, password: b}]}}']);
  const parts: unknown[] = [config];
  for (const part of parts) {
    if (typeof part !== 'object' || part === null) continue;
    t.ok(Object.isFrozen(part));
    parts.push(...Object.values(part));
  }
  t.ok(parts.length > 8);
});

t.test('bounds what aliases of aliases can grow to', async (t) => {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 8; level++) {
    const above = String.fromCharCode(96 + level);
    const own = String.fromCharCode(97 + level);
    lines.push(`${own}: &${own} [${Array(10).fill(`*${above}`).join(', ')}]`);
  }
  const { issues } = load(lines);
  t.match(issues[0]?.message, /more than 100000 values/);
});

t.test('rules that a schema cannot say point at the value or the key they name', async (t) => {
  const lines = ['server: {host: a, port: 1}'];
  const { issues } = load(lines, {
    ...SURROUNDINGS,
    rules: [
      () => [{ path: ['server', 'port'], problem: 'is taken', hint: 'take 2' }],
      () => [{ path: ['server', 'host'], at: 'key', problem: 'is far' }],
    ],
  });
  t.same(
    issues.map((issue) => issue.message),
    ['server.host: is far at 1:10', 'server.port: is taken at 1:25, take 2'],
  );
});

t.test('rules see the defaults', async (t) => {
  let seen: unknown;
  const rule = (config: unknown) => {
    seen = config;
    return [];
  };
  load([''], { ...SURROUNDINGS, rules: [rule] });
  t.match(seen, FILLED);
});

t.test('a code frame points below the column, also behind tabs', async (t) => {
  t.equal(codeFrame('a: 1\n\tb: c', { line: 2, column: 5 }), '  2 | \tb: c\n    | \t   ^');
});
