import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Dbc, DbcMessage } from '../../../collectors/can/dbc/dbc.ts';
import { parseDbc } from '../../../collectors/can/dbc/parse-dbc.ts';
import { decodeText, readDbc } from '../../../collectors/can/dbc/read-dbc.ts';
import { EXTENDED_ID_MAX, STANDARD_ID_MAX } from '../../../hardware/can/can-frame.ts';
import { recording } from '../../data-dir.ts';
import { requireTools } from '../../debian.ts';
import { decodeWithCanmatrix, type OracleAnswer, type OracleFrame } from './canmatrix.ts';
import { decodeOne } from './decode.ts';
import { readLog } from './read-log.ts';

/** Every different frame of one identifier is compared; of the long drive so many. */
const EVERY = Number.POSITIVE_INFINITY;
const LONG_DRIVE_FRAMES = 40;

const RAV4 = 'can/comma2k19-rav4';
const RECORDED = [
  {
    log: `${RAV4}/rav4_20180802_60s.candump.log.gz`,
    bus: 'can0',
    dbc: `${RAV4}/toyota_nodsu_pt_concat.dbc`,
    framesOfId: EVERY,
  },
  {
    log: `${RAV4}/rav4_20180802_60s.candump.log.gz`,
    bus: 'can0',
    dbc: `${RAV4}/toyota_2017_ref_pt.dbc`,
    framesOfId: EVERY,
  },
  { log: `${RAV4}/rav4_20180802_60s.candump.log.gz`, bus: 'can1', dbc: `${RAV4}/toyota_adas.dbc`, framesOfId: EVERY },
  {
    log: 'can/css-car-drive/drive_20210726_am_40min.candump.log.gz',
    bus: 'can2',
    dbc: 'can/css-car-drive/canmod-gps.dbc',
    framesOfId: LONG_DRIVE_FRAMES,
  },
];

for (const { log, bus, dbc, framesOfId } of RECORDED) {
  t.test(`every signal of recorded frames equals canmatrix: ${bus} with ${dbc}`, unlessMissing(log, dbc), async (t) => {
    if (!requireTools(t, 'canmatrix')) return;
    const [logPath = '', dbcPath = ''] = [recording(log), recording(dbc)];
    const file = readDbc(dbcPath);
    const kept = new Map<string, Map<string, OracleFrame>>();
    for (const frame of readLog(logPath)) {
      if (frame.bus !== bus || messageOf(file, frame) === undefined) continue;
      const ofId = kept.get(`${frame.id} ${frame.extended}`) ?? new Map();
      if (ofId.size < framesOfId) ofId.set(String(frame.data), frame);
      kept.set(`${frame.id} ${frame.extended}`, ofId);
    }
    const frames = [...kept.values()].flatMap((ofId) => [...ofId.values()]);
    const [answer = { refused: 'no answer' }] = await decodeWithCanmatrix([{ dbc: dbcPath, frames }]);
    const { signals, differences, additions } = compare(file, frames, answer);
    t.comment(`${frames.length} frames of ${kept.size} identifiers, ${signals} signal values`);
    t.ok(signals > frames.length, 'there is something to compare');
    t.same(differences, []);
    t.same(additions, []);
  });
}

/** Files of the corpus that canmatrix refuses. */
const REFUSED_THERE: Readonly<Record<string, string>> = {
  'bad_message_length.dbc': 'a signal outside of its message',
  'issue_199.dbc': 'identifiers that no frame can have',
  'issue_199_extended.dbc': 'identifiers that no frame can have',
  'issue_62.dbc': 'the identifier of the message for unused signals',
};

/** Files of which canmatrix decodes less: what it does decode must be equal. The rest is held by multiplexing.test.ts. */
const LESS_THERE: Readonly<Record<string, string>> = {
  'issue_184_extended_mux_independent_multiplexors.dbc': 'it follows one of several selectors',
  'issue_184_extended_mux_independent_multiplexors_dumped.dbc': 'it follows one of several selectors',
  'issue_184_extended_mux_multiple_values.dbc': 'it takes the first of several ranges',
  'issue_184_extended_mux_multiple_values_dumped.dbc': 'it takes the first of several ranges',
  'multiplex_2.dbc': 'it follows one of several selectors',
  'multiplex_2_dumped.dbc': 'it follows one of several selectors',
  'multiplex_choices.dbc': 'it passes over signals that stand before their selector',
};

const CORPUS = 'can/dbc-corpus-cantools/tests/files/dbc';

t.test('every signal of made-up frames equals canmatrix, for the DBC corpus', unlessMissing(CORPUS), async (t) => {
  if (!requireTools(t, 'canmatrix')) return;
  const folder = recording(CORPUS) ?? '';
  const names = readdirSync(folder);
  const files = names.map((name) => join(folder, name)).map((path) => parseDbc(decodeText(readFileSync(path)), path));
  const tasks = files.map((file) => ({ dbc: file.file, frames: file.messages.flatMap(madeUpFrames) }));
  const answers = await decodeWithCanmatrix(tasks);
  let total = 0;
  for (const [index, name] of names.entries()) {
    const [file, task, answer] = [files[index], tasks[index], answers[index]];
    if (file === undefined || task === undefined || answer === undefined) throw new Error(`no answer for ${name}`);
    t.equal('refused' in answer, name in REFUSED_THERE, `${name}: refused by canmatrix or not`);
    if ('refused' in answer) continue;
    const { signals, differences, additions } = compare(file, task.frames, answer);
    total += signals;
    t.same(differences, [], `${name}: the same values`);
    if (!(name in LESS_THERE)) t.same(additions, [], `${name}: no signals that canmatrix does not have`);
  }
  t.comment(`${total} signal values`);
  t.ok(total > 10_000, 'there is something to compare');
});

/** Skips a test on a machine without these recordings. */
function unlessMissing(...names: readonly string[]): { skip: string | false } {
  const missing = names.find((name) => recording(name) === undefined);
  return { skip: missing === undefined ? false : `no recording ${missing}` };
}

/** Frames of a message with bytes of all kinds, the same in every run. */
function madeUpFrames({ id, extended, length }: DbcMessage): OracleFrame[] {
  const frames: OracleFrame[] = [0x00, 0xff].map((byte) => ({ id, extended, data: new Uint8Array(length).fill(byte) }));
  let state = 0x9e3779b9 ^ id;
  for (let n = 0; n < 12; n++) {
    const data = Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      // Small values in half of the frames, so that selectors meet the values that select something.
      return n % 2 === 0 ? state >>> 24 : (state >>> 24) & 0x03;
    });
    frames.push({ id, extended, data });
  }
  return frames;
}

function compare(file: Dbc, frames: readonly OracleFrame[], expected: OracleAnswer) {
  const differences: string[] = [];
  const additions: string[] = [];
  let signals = 0;
  const strays = straySignals(file);
  if ('refused' in expected) throw new Error(`canmatrix refuses ${file.file}: ${expected.refused}`);
  for (const [index, frame] of frames.entries()) {
    const theirs = expected[index];
    const message = messageOf(file, frame);
    if (message === undefined || theirs === null || theirs === undefined) {
      if (message !== undefined || theirs !== null) differences.push(`${frame.id}: known to one of the two only`);
      continue;
    }
    const data = new Uint8Array(message.length);
    data.set(frame.data.subarray(0, message.length));
    const { values } = decodeOne(message, data);
    const where = `${message.name} ${Buffer.from(data).toString('hex')}`;
    for (const [name, { raw, factor, offset }] of Object.entries(theirs)) {
      if (strays.has(name) && !message.signals.some((signal) => signal.name === name)) continue;
      signals += 1;
      const value = raw * factor + offset;
      if (!Object.is(values.get(name), value))
        differences.push(`${where} ${name}: ${values.get(name)}, expected ${value}`);
    }
    for (const name of values.keys()) if (!(name in theirs)) additions.push(`${where} ${name}`);
  }
  return { signals, differences, additions };
}

/** canmatrix gives signals of messages with impossible identifiers to the message before them. */
function straySignals(file: Dbc): Set<string> {
  const impossible = file.messages.filter(({ id, extended }) => id > (extended ? EXTENDED_ID_MAX : STANDARD_ID_MAX));
  return new Set(impossible.flatMap((message) => message.signals.map((signal) => signal.name)));
}

function messageOf(file: Dbc, { id, extended }: OracleFrame): DbcMessage | undefined {
  return file.messages.find((message) => message.id === id && message.extended === extended);
}
