import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createCanCollector } from '../../../collectors/can/can-collector.ts';
import type { CanConfig } from '../../../collectors/can/can-config.ts';
import { planCanRedecode } from '../../../collectors/can/can-redecoder.ts';
import { rav4File, rav4Source } from '../../rav4-oracle.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';

const DBC = `BO_ 256 Engine: 8 ECU
 SG_ Speed : 0|16@1+ (0.25,0) [0|16000] "rpm" Dash
 SG_ Mode M : 16|4@1+ (1,0) [0|0] "" Dash
 SG_ Hot m1 : 24|8@1+ (1,0) [0|0] "" Dash
 SG_ Cold m2 : 24|8@1+ (1,0) [0|0] "" Dash
`;

const LINES = [
  'can0 100#102701AA00000000',
  'can0 00000123#R2',
  'can1 100#1128020B00000000_9',
  'can0 20000004#0001000000000000',
  `can0 1FFFFFFF##3${'CD'.repeat(64)}`,
  'can0 100#1027',
];

function folderWith(t: Test, files: Readonly<Record<string, string>>): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-redecode-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return (name) => join(folder, name);
}

function logOf(lines: readonly string[]): string {
  return lines.map((line, n) => `(${(1_600_000_000 + n / 1e3).toFixed(6)}) ${line}\n`).join('');
}

/** Plays a recording live, source name `car`, to its end. */
async function playLive(t: Test, config: CanConfig): Promise<RecordedIntake> {
  const intake = new RecordedIntake();
  const collector = createCanCollector(config, { source: 'car', intake, clock: new SetClock() });
  await collector.start();
  t.teardown(() => collector.stop());
  await waitFor('the end of the recording', () => collector.health().state === 'stopped');
  await collector.stop();
  t.equal(collector.health().dropped, 0);
  return intake;
}

/** Decodes anew what was kept raw. */
function redecode(from: RecordedIntake, config: CanConfig, raw = 'car/raw') {
  const intake = new RecordedIntake();
  const stamp = from.channels.get(raw)?.stamp ?? 'arrival';
  const plan = planCanRedecode(config, 'car');
  const redecoder = plan.begin(stamp, intake);
  for (const { time, text } of from.texts(raw)) redecoder.take(time, text);
  redecoder.end();
  return { intake, redecoder, plan };
}

/** Definitions and samples of what was decoded, without ids. */
function decoded(intake: RecordedIntake) {
  const channels = [...intake.channels.values()].filter(({ name }) => !/\/bus\/|\/(raw|undefined)$/.test(name));
  return new Map(
    channels.map(({ id: _, ...channel }) => [channel.name, { channel, samples: intake.samples(channel.name) }]),
  );
}

t.test('every frame is kept as it came, before what is decoded from it, when the config asks for it', async (t) => {
  const at = folderWith(t, { 'car.dbc': DBC, log: logOf(LINES) });
  const config: CanConfig = { bus: { log: at('log'), speed: 'max' }, dbc: [at('car.dbc')], timestamp: 'device' };
  const without = await playLive(t, { ...config, raw: false });
  t.notOk([...without.channels.keys()].some((name) => /raw|undefined/.test(name)));
  const intake = await playLive(t, { ...config, raw: true, interfaces: { can0: {} } });
  t.same(
    intake.texts('car/raw'),
    LINES.map((text, n) => ({ time: 1_600_000_000_000_000 + n * 1000, text })),
    'with those that cannot be decoded and those of other buses',
  );
  t.match(intake.channels.get('car/raw'), { id: 1, type: 'text', class: 'bulk', stamp: 'device', source: 'car' });
  const precious = await playLive(t, { ...config, raw: 'critical', prefix: 'car/9' });
  t.match(precious.channels.get('car/raw'), { class: 'critical' }, 'it has its own name, whatever the prefix');
});

t.test('frames that nothing decodes are kept as they came without being asked for, and those alone', async (t) => {
  const unknown = ['can1 101#0A', `can0 1FFFFFFF##3${'CD'.repeat(64)}`, 'can0 101#0B', 'can1 101#0C'];
  const [first = '', ...others] = unknown;
  const lines = ['can0 100#1027', first, 'can0 00000123#R2', 'can0 20000004#0001000000000000', ...others];
  const at = folderWith(t, {
    'car.dbc': DBC,
    'more.dbc': `${DBC}BO_ 257 Extra: 1 ECU\n SG_ Level : 0|8@1+ (1,0) [0|0] "" Dash\n`,
    log: logOf(lines),
  });
  const config = (file: string): CanConfig => ({ bus: { log: at('log'), speed: 'max' }, dbc: [at(file)] });
  const intake = await playLive(t, config('car.dbc'));
  t.notOk(intake.channels.has('car/raw'));
  t.match(intake.channels.get('car/undefined'), { type: 'text', class: 'bulk', description: /nothing decodes/ });
  const texts = intake.texts('car/undefined').map(({ text }) => text);
  t.same(texts, ['can0', ...unknown], 'and which the first bus was, that has no name in channel names');
  const redecoded = redecode(intake, config('more.dbc'), 'car/undefined');
  t.same(redecoded.intake.values('car/Extra/Level'), [11]);
  t.same(redecoded.intake.values('car/can1/Extra/Level'), [10, 12]);
  t.same(redecoded.redecoder.errors, { 'no-definition': 1 });
  const named = await playLive(t, { ...config('car.dbc'), interfaces: { can0: {}, can1: {} } });
  t.same(
    named.texts('car/undefined').map(({ text }) => text),
    unknown,
  );
});

t.test(
  'of a long J1939 message that nothing decodes the parts are kept, and give it when there is a definition',
  async (t) => {
    const ec1 = 'BO_ 2566841342 EC1: 40 Vector__XXX\n SG_ Far : 304|8@1+ (1,0) [0|255] "" Vector__XXX\n';
    const packets = Array.from({ length: 6 }, (_, n) => `can0 1CEBFF00#0${n + 1}${'0102030405060708'.slice(0, 14)}`);
    const message = ['can0 1CECFF00#20280006FFE3FE00', ...packets];
    const known = [
      'can0 1CECFF00#200A0002FFCAFE00',
      'can0 1CEBFF00#010400FFFF000000',
      'can0 1CEBFF00#02000000FFFFFFFF',
    ];
    const at = folderWith(t, { 'none.dbc': DBC, 'ec1.dbc': ec1, log: logOf([...known, ...message]) });
    const config = (file: string): CanConfig => {
      return { bus: { log: at('log'), speed: 'max' }, dbc: [at(file)], protocol: 'j1939' };
    };
    const intake = await playLive(t, config('none.dbc'));
    t.same(
      intake.texts('car/undefined').map(({ text }) => text),
      message,
      'without those of DM1, which needs no file',
    );
    const expected = (await playLive(t, config('ec1.dbc'))).values('car/00/EC1/Far');
    t.equal(expected.length, 1);
    t.same(redecode(intake, config('ec1.dbc'), 'car/undefined').intake.values('car/00/EC1/Far'), expected);
  },
);

t.test('a recording waits for the room that its raw frames take', async (t) => {
  const at = folderWith(t, { 'car.dbc': DBC, log: logOf(Array.from({ length: 2000 }, () => LINES[4] ?? '')) });
  class TightIntake extends RecordedIntake {
    override room = 300;
    override publish(): number {
      setImmediate(() => {
        this.room = Math.min(300, this.room + 50);
      });
      return super.publish();
    }
  }
  const intake = new TightIntake();
  const config: CanConfig = { bus: { log: at('log'), speed: 'max' }, dbc: [at('car.dbc')], raw: true };
  const collector = createCanCollector(config, { source: 'car', intake, clock: new SetClock() });
  await collector.start();
  await waitFor('the end of the recording', () => collector.health().state === 'stopped');
  await collector.stop();
  t.equal(collector.health().dropped, 0);
  t.equal(intake.texts('car/raw').length, 2000);
});

t.test('decoded anew, raw frames give what the wire would have given', async (t) => {
  const at = folderWith(t, {
    'right.dbc': DBC,
    'wrong.dbc': DBC.replace('16|4@1+', '17|4@1+').replace('0.25', '0.5'),
    log: logOf(LINES),
  });
  const live = (name: string): CanConfig => ({ bus: { log: at('log'), speed: 'max' }, dbc: [at(name)], raw: true });
  const wrong = await playLive(t, live('wrong.dbc'));
  const right = await playLive(t, live('right.dbc'));
  t.not(wrong.values('car/Engine/Speed')[0], right.values('car/Engine/Speed')[0]);
  const { intake, redecoder, plan } = redecode(wrong, live('right.dbc'));
  t.same(decoded(intake), decoded(right));
  t.same(redecoder.errors, { 'remote-frame': 1, 'receive-overflow': 1, 'no-definition': 1, 'frame-too-short': 1 });
  t.same(
    [...redecoder.channels()].sort(),
    ['', '/can1'].flatMap((bus) => ['Cold', 'Hot', 'Mode', 'Speed'].map((name) => `car${bus}/Engine/${name}`)).sort(),
    'also those that no frame had',
  );
  t.match(plan.recipe, { kind: 'can', dbc: [{ file: 'right.dbc', sha256: /^[0-9a-f]{64}$/ }] });
  t.strictSame(
    redecode(wrong, { ...live('wrong.dbc'), timestamp: 'device' }).intake.channels.get('car/Engine/Speed')?.stamp,
    'arrival',
    'the stamp is that of the raw frames',
  );
});

t.test('a raw sample that is no frame is counted by reason and skipped', async (t) => {
  const at = folderWith(t, { 'car.dbc': DBC });
  const intake = new RecordedIntake();
  const config: CanConfig = { bus: { log: 'none' }, dbc: [at('car.dbc')] };
  const redecoder = planCanRedecode(config, 'car').begin('arrival', intake);
  for (const text of ['', 'can0', 'can0 100#1', 'can0 12Z#', LINES[0] ?? '']) redecoder.take(7, text);
  t.same(redecoder.errors, { 'bad-line': 2, 'bad-data': 1, 'bad-id': 1 });
  t.same(intake.samples('car/Engine/Speed'), [{ time: 7, value: 2500 }]);
});

t.test(
  'a recorded drive, decoded by wrong files and then anew, is what the right files gave live',
  { skip: rav4File('toyota_adas.dbc') === '' && 'no recording of the RAV4' },
  async (t) => {
    const config = rav4Source();
    const wrongInterfaces = { can0: { name: 'powertrain', dbc: [rav4File('toyota_2017_ref_pt.dbc')] } };
    const wrong = await playLive(t, { ...config, interfaces: wrongInterfaces, raw: true } as CanConfig);
    const right = await playLive(t, config as unknown as CanConfig);
    t.equal(wrong.texts('car/raw').length, 98_800);
    const [expected, actual] = [decoded(right), decoded(redecode(wrong, config as unknown as CanConfig).intake)];
    t.same([...actual.keys()].sort(), [...expected.keys()].sort());
    const differing = [...expected].filter(([name, one]) => JSON.stringify(actual.get(name)) !== JSON.stringify(one));
    t.same(
      differing.map(([name]) => name),
      [],
    );
  },
);
