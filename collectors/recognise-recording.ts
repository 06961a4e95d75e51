import { Buffer } from 'node:buffer';
import { FrameBatch } from '../hardware/can/can-frame.ts';
import { decoderOf } from '../hardware/can/recording/can-recording.ts';
import { recordingContext } from '../hardware/can/recording/frame-decoder.ts';
import { type RecordingFormat, recordingFormat } from '../hardware/can/recording/recording-format.ts';
import { RecordingReader } from './replay/recording-reader.ts';
import { understand } from './serial/recognise.ts';
import { type SerialSettings, serialSettings } from './serial/serial-config.ts';

/** Bytes at the beginning of a file that are looked at. */
export const RECOGNISED_BYTES = 64 * 1024;

/** Share of what is there that must be understood. A line that is damaged is not the end of a recording. */
const UNDERSTOOD_MIN = 0.5;

/** Protocols of a wire whose recordings tell the time. */
const PROTOCOLS = ['mixed', 'shdr', 'line-protocol', 'vedirect'] as const satisfies SerialSettings['protocol'][];

const UNITS: Readonly<Record<(typeof PROTOCOLS)[number] | 'candump', string>> = {
  candump: 'CAN frames as candump writes them',
  mixed: 'NMEA 0183 sentences or UBX frames',
  shdr: 'MTConnect SHDR lines',
  'line-protocol': 'lines of InfluxDB line protocol',
  vedirect: 'VE.Direct blocks',
};

const CAN_FORMATS: Readonly<Record<RecordingFormat, string>> = {
  asc: 'Vector ASC',
  blf: 'Vector BLF',
  candump: 'candump',
  mf4: 'MF4 bus log',
  pcap: 'pcap of CAN frames',
  pcapng: 'pcapng of CAN frames',
  trc: 'PEAK TRC',
};

/** What a file is by its content. */
export type Recognised =
  | { readonly kind: 'can'; readonly format: string }
  | { readonly kind: 'replay' }
  | { readonly kind: 'serial'; readonly protocol: (typeof PROTOCOLS)[number] | 'nmea' }
  /** `met` is what was found of what could have been. */
  | { readonly kind: 'unknown'; readonly met: string };

/** What a recording is, by its first {@link RECOGNISED_BYTES}, unpacked; its name says nothing. */
export function recogniseRecording(head: Uint8Array): Recognised {
  if (head.length === 0) return { kind: 'unknown', met: 'nothing: it is empty' };
  const can = recordingFormat(head);
  if (can !== undefined && can !== 'candump') return { kind: 'can', format: CAN_FORMATS[can] };
  if (isTable(head)) return { kind: 'replay' };
  const found = [
    { name: 'candump' as const, ...candumpShare(head) },
    ...PROTOCOLS.map((name) => wireShare(name, head)),
  ];
  const [best] = found.sort((a, b) => b.understood - a.understood);
  if (best === undefined || best.understood === 0) {
    return { kind: 'unknown', met: `neither lines nor frames that are known, it begins with ${beginning(head)}` };
  }
  const { name, understood, received } = best;
  if (understood < UNDERSTOOD_MIN * received) {
    return { kind: 'unknown', met: `${understood} of ${received} units are ${UNITS[name]}` };
  }
  if (name === 'candump') return { kind: 'can', format: CAN_FORMATS.candump };
  // Where no byte is that a sentence cannot have, places are told by lines.
  return { kind: 'serial', protocol: name === 'mixed' && isText(head) ? 'nmea' : name };
}

function isTable(head: Uint8Array): boolean {
  const reader = new RecordingReader();
  reader.feed(head);
  return reader.table !== undefined;
}

interface Share {
  /** Units that are whole, whatever they say. */
  readonly understood: number;
  /** Those, and the damaged ones. */
  readonly received: number;
}

function candumpShare(head: Uint8Array): Share {
  const context = recordingContext();
  const decoder = decoderOf('candump', context);
  const batch = new FrameBatch(1024);
  decoder.feed(head);
  let understood = 0;
  for (let isMore = true; isMore; batch.clear()) {
    isMore = decoder.read(batch);
    understood += batch.count;
  }
  const damaged = Object.values(context.errors.counts).reduce((sum, count) => sum + count, 0);
  return { understood, received: understood + damaged };
}

function wireShare(name: (typeof PROTOCOLS)[number], head: Uint8Array): Share & { readonly name: typeof name } {
  const { units, damaged } = understand(
    head,
    serialSettings({ port: { log: '-' }, protocol: name, timestamp: 'device' }),
  );
  return { name, understood: units, received: units + damaged };
}

function isText(head: Uint8Array): boolean {
  return head.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}

/** First bytes for people: as text where they are. */
function beginning(head: Uint8Array): string {
  const bytes = Buffer.from(head.subarray(0, 32));
  if (!isText(bytes)) return `bytes ${bytes.subarray(0, 8).toString('hex')}`;
  return JSON.stringify(bytes.toString('latin1').split(/\r?\n/, 1)[0] ?? '');
}
