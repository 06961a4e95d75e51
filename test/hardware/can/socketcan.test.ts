import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { type CanBusState, ReasonCounts } from '../../../hardware/can/can-bus.ts';
import { FrameBatch } from '../../../hardware/can/can-frame.ts';
import { candumpText } from '../../../hardware/can/candump-frame.ts';
import { InterfaceNames } from '../../../hardware/can/interface-names.ts';
import { candumpArguments } from '../../../hardware/can/socketcan/candump-link.ts';
import { CandumpStream } from '../../../hardware/can/socketcan/candump-stream.ts';
import { interfaceCounters, interfaceProblem, parseDetails } from '../../../hardware/can/socketcan/link-status.ts';
import { MissingFrames } from '../../../hardware/can/socketcan/missing-frames.ts';
import { openSocketcanBus } from '../../../hardware/can/socketcan/socketcan-bus.ts';
import { waitFor } from '../../wait-for.ts';
import { HurriedTimers } from '../serial/hurried-timers.ts';

function decode(pieces: readonly Uint8Array[]) {
  const interfaces = new InterfaceNames();
  const errors = new ReasonCounts();
  const drops: number[] = [];
  const stream = new CandumpStream(interfaces, errors, (frames) => drops.push(frames));
  const batch = new FrameBatch(3);
  const frames: string[] = [];
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; batch.clear()) {
      at = stream.decode(piece, at, batch);
      for (let i = 0; i < batch.count; i++) {
        frames.push(`${batch.times[i]} ${candumpText(interfaces.names[batch.interfaces[i] ?? 0] ?? '', batch, i)}`);
      }
    }
  }
  return { frames, drops, errors: errors.counts };
}

const WIRE = Buffer.from(`(1795304928.628678) can0 123#0102
(1795304928.644467) can0 123##7AABB
(1795304928.663804) can0 12345678#R4
DROPCOUNT: dropped 1 CAN frame on 'can0' socket (total drops 1)
(1795304928.711149) can0 20000040#0000000000000000
DROPCOUNT: dropped 2710 CAN frames on 'can0,0:0,#FFFFFFFF' socket (total drops 2711)
(1795304928.750163) can0 7FF#
`);

const DECODED = {
  frames: [
    '1795304928628678 can0 123#0102',
    '1795304928644467 can0 123##3AABB',
    '1795304928663804 can0 12345678#R4',
    '1795304928711149 can0 20000040#0000000000000000',
    '1795304928750163 can0 7FF#',
  ],
  drops: [1, 2710],
  errors: {},
};

t.test('what candump writes is read whole, byte by byte and cut at every place', async (t) => {
  t.same(decode([WIRE]), DECODED);
  t.same(decode(Array.from(WIRE, (byte) => Uint8Array.of(byte))), DECODED);
  const text = JSON.stringify(DECODED);
  const differing = Array.from(WIRE.keys()).filter((cut) => {
    return JSON.stringify(decode([WIRE.subarray(0, cut), WIRE.subarray(cut)])) !== text;
  });
  t.same(differing, []);
});

t.test('what candump cannot have written is counted by reason, and the next line is read', async (t) => {
  const bad = [
    ['DROPCOUNT: dropped some', 'unknown-line'],
    ['(x) can0 123#01', 'bad-time'],
    ['(1.000000) can0 12#01', 'bad-id'],
    ['(1.000000) can0 123#0', 'bad-data'],
    [`(1.000000) can0 123#${'0'.repeat(300)}`, 'line-too-long'],
  ] as const;
  for (const [line, reason] of bad) {
    const found = decode([Buffer.from(`${line}\n(1.000000) can0 001#\n`)]);
    t.same(found, { frames: ['1000000 can0 001#'], drops: [], errors: { [reason]: 1 } }, line.slice(0, 30));
  }
});

t.test('any bytes give frames, drops or errors', async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .constantFrom('(1.000000) can0 ', '123#01\n', 'DROPCOUNT: dropped 9 CAN frames on ')
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => decode(pieces).frames.every((line) => line !== '')),
    { numRuns: 500 },
  );
});

t.test('candump is told which frames the kernel is to hand over', async (t) => {
  const base = { name: 'can0', receiveBufferBytes: 65_536 };
  t.same(candumpArguments(base), ['-L', '-d', '-r', '65536', 'can0,0:0,#FFFFFFFF']);
  const filters = [{ id: 0x10, mask: 0x7f0 }, { id: 0x18fef100, mask: 0x1fffff00, extended: true }, { id: 0x7fe }];
  const wanted = '010:800007f0,98fef100:9fffff00,7fe:800007ff';
  t.equal(candumpArguments({ ...base, filters }).at(-1), `can0,${wanted},#FFFFFFFF`);
});

async function interfaceFolder(t: Test, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-socketcan-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'can0', 'statistics'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, 'can0', name), text);
  return folder;
}

t.test('what is wrong with an interface is told with what to do', async (t) => {
  const cases = [
    [{ type: '280\n', flags: '0x81\n' }, undefined],
    [{ type: '280\n', flags: '0x80\n' }, /can0 is down; `ip link set can0 up type can bitrate 500000`/],
    [{ type: '1\n', flags: '0x1003\n' }, /can0 is no CAN interface/],
    [{}, /there is no interface can0; `ip -details link show type can`/],
  ] as const;
  for (const [files, problem] of cases) {
    const found = await interfaceProblem('can0', await interfaceFolder(t, files));
    if (problem === undefined) t.equal(found, undefined);
    else t.match(found, problem);
  }
});

t.test('frames that the controller or the kernel lost are counted by the interface', async (t) => {
  const folder = await interfaceFolder(t, {
    'statistics/rx_packets': '1000\n',
    'statistics/rx_over_errors': '3\n',
    'statistics/rx_fifo_errors': '0\n',
    'statistics/rx_dropped': '4\n',
  });
  t.same(await interfaceCounters('can0', folder), { received: 1000, lost: 7 });
  t.equal(await interfaceCounters('can1', folder), undefined);
});

t.test('state and speeds of a controller are those that ip tells', async (t) => {
  const info = {
    ctrlmode: ['FD'],
    state: 'ERROR-PASSIVE',
    berr_counter: { tx: 128, rx: 0 },
    bittiming: { bitrate: 500_000, sample_point: '0.875' },
    data_bittiming: { bitrate: 2_000_000 },
  };
  const details = (data: object) => parseDetails(JSON.stringify([{ linkinfo: { info_kind: 'can', info_data: data } }]));
  t.same(details(info), { state: 'error-passive', bitrate: 500_000, dataBitrate: 2_000_000 });
  t.same(details({ state: 'BUS-OFF', bittiming: { bitrate: 0 } }).state, 'bus-off');
  const nothing = { state: undefined, bitrate: undefined, dataBitrate: undefined };
  t.same(details({ bittiming: { bitrate: 0 } }), nothing);
  for (const text of ['', '[]', 'null', '[{"linkinfo":{"info_kind":"vcan"}}]', '[{"linkinfo":{"info_data":7}}]']) {
    t.same(parseDetails(text), nothing, text);
  }
});

t.test('frames that an interface received and a socket never gave are missing, those that wait are not', async (t) => {
  const missing = new MissingFrames();
  const compare = (received: number, taken: number) => missing.compare(received, taken);
  t.equal(compare(5000, 0), 0, 'what came before is not counted');
  t.same([compare(5100, 90), compare(5200, 195), compare(5300, 280), compare(5400, 400)], [0, 0, 0, 0], 'they wait');
  const after = [compare(8500, 700), compare(8500, 700), compare(8600, 800), compare(8700, 900), compare(8800, 1000)];
  t.same(after, [0, 0, 0, 0, 2800]);
  t.equal(compare(8900, 1100), 0, 'told once');
  t.equal(compare(10, 1100), 0, 'an interface that was made anew');
  const anew = [compare(210, 1101), compare(211, 1102), compare(212, 1103), compare(213, 1104), compare(214, 1105)];
  t.same(anew, [0, 0, 0, 0, 199], 'is counted from there');
});

t.test('a frame that waits in the buffer at the first comparison hides no lost one', async (t) => {
  const missing = new MissingFrames();
  const seen = [[5001, 0], [5002, 2], [8002, 290], ...Array.from({ length: 5 }, (_, n) => [8003 + n, 291 + n])];
  const told = seen.map(([received = 0, taken = 0]) => missing.compare(received, taken));
  t.equal(
    told.reduce((sum, frames) => sum + frames),
    2712,
  );
});

t.test('an interface that this machine does not have is waited for, and can be given up', async (t) => {
  const timers = new HurriedTimers();
  const bus = openSocketcanBus({ name: 'nocan7', receiveBufferBytes: 65_536 }, { timers });
  const states: CanBusState[] = [];
  bus.start({ onFrames: () => undefined, onState: (state) => states.push(state) });
  await waitFor('it is tried again', () => states.length >= 3);
  t.match(states[2], { state: 'waiting', problem: /there is no interface nocan7/ });
  t.equal(bus.send?.(1, 0, new Uint8Array(0)), false);
  t.same(bus.statusOf?.(0), { lost: 0, controller: undefined, bitrate: undefined, dataBitrate: undefined });
  await bus.stop();
  const told = states.length;
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(states.length, told);
});
