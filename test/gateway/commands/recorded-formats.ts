import { Buffer } from 'node:buffer';
import { aim, raceChrono } from '../../collectors/replay/recordings.ts';
import { navPvt } from '../../collectors/serial/ubx/ubx-frames.ts';
import { vedirectBlock } from '../../collectors/serial/vedirect/vedirect-block.ts';
import { blfFile, message, object } from '../../hardware/can/recording/blf-file.ts';
import { dataGroup, frameGroup, header, mf4File, record } from '../../hardware/can/recording/mf4-writer.ts';
import { pcap, pcapng, SECONDS } from '../../hardware/can/recording/pcap-file.ts';

/** Frames of one message, 8 bytes each, as every format has them. */
export const FRAMES = 50;
export const ID = 0x100;

export const DBC = `BO_ ${ID} Engine: 8 ECU
 SG_ Speed : 0|16@1+ (0.25,0) [0|16000] "rpm" Dash
 SG_ Count : 16|8@1+ (1,0) [0|0] "" Dash
`;

/** Data of frame `n`: speed and count. */
function data(n: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE((n * 7919) & 0xffff);
  bytes.writeUInt8(n, 2);
  return bytes;
}

export const SPEEDS = Array.from({ length: FRAMES }, (_, n) => ((n * 7919) & 0xffff) / 4);

const all = <Made>(make: (n: number) => Made): Made[] => Array.from({ length: FRAMES }, (_, n) => make(n));
const hex = (n: number) => data(n).toString('hex').toUpperCase();
const spaced = (n: number) => (hex(n).match(/../g) ?? []).join(' ');

function candump(): Buffer {
  return Buffer.from(all((n) => `(${(SECONDS + n / 100).toFixed(6)}) can0 100#${hex(n)}\n`).join(''));
}

function asc(): Buffer {
  const head = 'date Mon Jul 26 10:14:02.300 am 2021\nbase hex  timestamps absolute\n';
  return Buffer.from(
    head + all((n) => `   ${(n / 100).toFixed(6)} 1  100             Rx   d 8 ${spaced(n)}\n`).join(''),
  );
}

function trc(): Buffer {
  const head = ';$FILEVERSION=1.1\n;$STARTTIME=42208.7577760301\n';
  const line = (n: number) =>
    `${String(n + 1).padStart(6)})  ${(n * 10).toFixed(1).padStart(10)}  Rx     0100  8  ${spaced(n)}\n`;
  return Buffer.from(head + all(line).join(''));
}

function blf(): Buffer {
  const objects = all((n) => object(1, message(1, 0, 8, ID, hex(n)), BigInt(n) * 10_000_000n));
  return blfFile(Buffer.concat(objects), 1000, 2);
}

/** A frame as SocketCAN hands it to a capture. */
function packet(n: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(ID);
  head.writeUInt8(8, 4);
  return Buffer.concat([head, data(n)]);
}

function mf4(): Buffer {
  const records = all((n) =>
    record({ nanos: 10_000_000n * BigInt(n), bus: 1, id: ID, bits: 0, length: 8 } as never, data(n)),
  );
  const { group, blocks } = frameGroup(undefined, 'CAN_DataFrame', 0, { inlineBytes: 8 });
  const content = { kind: 'DT', links: [], content: Buffer.concat(records) };
  const list = dataGroup(undefined, group, content, 0);
  return mf4File([header(list, BigInt(SECONDS) * 1_000_000_000n), list, ...blocks, content]);
}

/** The same frames as a file of each format, by what Caisson calls it. */
export const RECORDED: Readonly<Record<string, () => Buffer>> = {
  candump,
  'Vector ASC': asc,
  'Vector BLF': blf,
  'PEAK TRC': trc,
  'pcap of CAN frames': () => pcap(true, false, all(packet)),
  'pcapng of CAN frames': () => pcapng(false, all(packet), 9),
  'MF4 bus log': mf4,
};

/** Sentences of a receiver a second apart, whose altitude counts. */
function nmeaLog(): string {
  const line = (body: string) => {
    const checksum = [...body].reduce((sum, letter) => sum ^ letter.charCodeAt(0), 0);
    return `$${body}*${checksum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
  };
  return all((n) => {
    const clock = `1200${String(n).padStart(2, '0')}.00`;
    const rmc = `GPRMC,${clock},A,5000.000,N,00800.000,E,0.0,0.0,260721,,`;
    return line(rmc) + line(`GPGGA,${clock},5000.000,N,00800.000,E,1,08,1.0,${n},M,0.0,M,,`);
  }).join('');
}

/** Seconds of UTC of the first fix and row of {@link WIRES_AND_TABLES}. */
const FIRST_FIX = Date.UTC(2021, 6, 26, 12) / 1000;

function ubxLog(): Buffer {
  return Buffer.concat(
    all((n) => navPvt({ iTow: 1000 * n, utc: [2021, 7, 26, 12, 0, n], hMsl: 1000 * n, height: 1000 * n })),
  );
}

function shdrLog(): string {
  return all((n) => `2021-07-26T12:00:${String(n).padStart(2, '0')}.000Z|spindle|${n}\n`).join('');
}

function lineProtocol(): string {
  return all((n) => `tank level=${n} ${FIRST_FIX + n}000000000\n`).join('');
}

function vedirectLog(): Buffer {
  return Buffer.concat(all((n) => vedirectBlock(['V', String(1000 * n)], ['SOC', '990'])));
}

interface Recorded {
  /** Whose values are 0, 1, 2 and so on. */
  readonly channel: string;
  /** What it is read by. */
  readonly kind: 'serial' | 'replay';
  /** Sentences, messages, lines, blocks or rows. */
  readonly received: number;
  /** Says the times of what it holds; another can be played, and not imported. */
  readonly isTimed: boolean;
  readonly make: () => string | Uint8Array;
}

/** Recordings of all that is not frames of a CAN bus, by what Caisson calls it; each counts up. */
export const WIRES_AND_TABLES: Readonly<Record<string, Recorded>> = {
  'NMEA 0183': { channel: 'altitude', kind: 'serial', received: 2 * FRAMES, isTimed: true, make: nmeaLog },
  'NMEA 0183 and UBX': { channel: 'altitude', kind: 'serial', received: FRAMES, isTimed: true, make: ubxLog },
  'MTConnect SHDR': { channel: 'spindle', kind: 'serial', received: FRAMES, isTimed: true, make: shdrLog },
  'InfluxDB line protocol': {
    channel: 'tank/level',
    kind: 'serial',
    received: FRAMES,
    isTimed: true,
    make: lineProtocol,
  },
  'VE.Direct': { channel: 'battery/voltage', kind: 'serial', received: FRAMES, isTimed: false, make: vedirectLog },
  'RaceChrono Pro CSV': {
    channel: 'session/lap_number',
    kind: 'replay',
    received: FRAMES,
    isTimed: true,
    make: () => raceChrono(all((n) => `${FIRST_FIX + n / 10},${n},10,50,10,0,10,1`)),
  },
  'AiM RaceStudio 3 CSV': {
    channel: 'Oil_Water_Temp',
    kind: 'replay',
    received: FRAMES,
    isTimed: true,
    make: () => aim(all((n) => [(n / 20).toFixed(3), '1', '2', String(n), '0', ''])),
  },
};
