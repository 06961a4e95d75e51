import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { CaissonError } from '../../gateway/errors.ts';
import { READ_INTERVAL_MS } from '../../hardware/serial/serial-port.ts';
import { ChannelTemplate } from '../line-protocol/channel-template.ts';
import { LINE_KEYS, type LineSettings } from '../line-protocol/line-config.ts';
import { RawConfig } from '../raw-channel.ts';
import { checkFrame, FrameConfig, type FrameSettings } from './framed/framed-config.ts';
import { checkLines, LinesConfig, type LinesSettings } from './lines/lines-config.ts';
import { UBX_NAMES } from './ubx/messages.ts';

const Device = Type.Object(
  {
    path: Type.String({
      minLength: 1,
      description: 'device; best by its id, which survives another USB socket',
      examples: ['/dev/serial/by-id/usb-u-blox_AG_u-blox_GNSS_receiver-if00', '/dev/ttyS0'],
    }),
    baudRate: Type.Optional(
      Type.Integer({ minimum: 50, maximum: 4_000_000, default: 4800, description: 'speed of the line, bits a second' }),
    ),
    dataBits: Type.Optional(
      Type.Union([Type.Literal(5), Type.Literal(6), Type.Literal(7), Type.Literal(8)], {
        default: 8,
        description: 'bits of a byte',
      }),
    ),
    parity: Type.Optional(
      Type.Union([Type.Literal('none'), Type.Literal('even'), Type.Literal('odd')], {
        default: 'none',
        description: 'parity bit',
      }),
    ),
    stopBits: Type.Optional(
      Type.Union([Type.Literal(1), Type.Literal(2)], { default: 1, description: 'stop bits of a byte' }),
    ),
    readIntervalMs: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1000,
        default: READ_INTERVAL_MS,
        description: 'least time between two reads of a busy port, ms; bounds its CPU load',
      }),
    ),
  },
  { additionalProperties: false, description: 'a serial port of the box' },
);

const Tcp = Type.Object(
  {
    host: Type.String({
      minLength: 1,
      description: 'name or address of what sends the bytes over TCP, such as a serial server',
      examples: ['10.0.0.20'],
    }),
    port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'its TCP port', examples: [10_110] }),
  },
  { additionalProperties: false, description: 'a TCP server that sends what a serial port would' },
);

const Recording = Type.Object(
  {
    log: Type.String({
      minLength: 1,
      'x-path': true,
      description: 'file of bytes as they came from a wire, plain or gzip',
      examples: ['recordings/gnss.log.gz'],
    }),
    baudRate: Type.Optional(
      Type.Integer({
        minimum: 50,
        maximum: 100_000_000,
        description: 'pace to play it at, bits a second; without it, as fast as it is taken',
      }),
    ),
  },
  { additionalProperties: false, description: 'a recording in place of a port' },
);

/** Types of UBX messages that one source may keep as they came. */
const KEPT_MESSAGES_MAX = 8;

/** Section `serial` of a source: sentences of satellite receivers and instruments from a serial port. */
export const SerialConfig = Type.Object(
  {
    port: Type.Union([Device, Tcp, Recording], { description: 'where the bytes come from' }),
    protocol: Type.Optional(
      Type.Union(
        [
          Type.Literal('nmea'),
          Type.Literal('ubx'),
          Type.Literal('mixed'),
          Type.Literal('vedirect'),
          Type.Literal('lines'),
          Type.Literal('line-protocol'),
          Type.Literal('framed'),
          Type.Literal('shdr'),
        ],
        {
          default: 'nmea',
          description:
            'what the bytes mean: NMEA 0183 sentences; UBX messages of u-blox receivers; these, sentences and RTCM 3 mixed; ' +
            'text blocks of Victron devices; lines by pattern; InfluxDB line protocol; binary frames; SHDR of MTConnect adapters',
        },
      ),
    ),
    timestamp: Type.Optional(
      Type.Union([Type.Literal('arrival'), Type.Literal('device')], {
        default: 'arrival',
        description:
          'time of the samples of a fix: the moment they arrived, in box time, or the UTC the receiver gives the fix; ' +
          'the state of the receiver, and instruments, which have no clock, are always stamped on arrival',
      }),
    ),
    raw: Type.Optional(RawConfig),
    prefix: Type.Optional(
      Type.String({ minLength: 1, description: 'first part of channel names; without it, the name of the source' }),
    ),
    lines: Type.Optional(LinesConfig),
    frame: Type.Optional(FrameConfig),
    lineProtocol: Type.Optional(
      Type.Object(LINE_KEYS, {
        additionalProperties: false,
        default: {},
        description: 'with `protocol: line-protocol`: how it is read',
      }),
    ),
    checksum: Type.Optional(
      Type.Union([Type.Literal('required'), Type.Literal('optional')], {
        default: 'required',
        description: 'whether lines without a checksum are refused, or taken as some old instruments need',
      }),
    ),
    satellites: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'with `nmea`, `ubx` and `mixed`: whether elevation, azimuth and signal of each satellite in view are channels, beside ' +
          'how many there are',
      }),
    ),
    messages: Type.Optional(
      Type.Array(
        Type.Union(
          UBX_NAMES.map((name) => Type.Literal(name)),
          { description: 'name of a message, as u-blox writes it' },
        ),
        {
          default: [],
          maxItems: KEPT_MESSAGES_MAX,
          uniqueItems: true,
          description:
            'with `ubx` and `mixed`: UBX messages of which every frame is kept as it came, each in a text channel of its own, as what ' +
            'post-processing needs',
          examples: [['RXM-RAWX', 'RXM-SFRBX']],
        },
      ),
    ),
    talkers: Type.Optional(
      Type.Array(
        Type.String({ pattern: '^([A-Z0-9]{2}|P)$', 'x-pattern': 'two capitals or digits such as GP, or P' }),
        {
          default: [],
          maxItems: 64,
          description: 'talkers to listen to, P for proprietary sentences; empty: all',
          examples: [['GP', 'GN']],
        },
      ),
    ),
  },
  { additionalProperties: false, description: 'sentences, messages and frames over a serial port' },
);

/** The section as it may be written. */
export type SerialConfig = Static<typeof SerialConfig>;

/** The section with every default filled in. */
export type SerialSettings = Required<Omit<SerialConfig, 'port' | 'prefix' | 'lines' | 'frame' | 'lineProtocol'>> & {
  readonly port: Required<Static<typeof Device>> | Static<typeof Tcp> | Static<typeof Recording>;
  readonly prefix?: string;
  readonly lines?: LinesSettings;
  readonly frame?: FrameSettings;
  readonly lineProtocol: LineSettings;
};

/** Fills in the defaults of a section that fits {@link SerialConfig}. */
export function serialSettings(config: SerialConfig): SerialSettings {
  return Value.Default(SerialConfig, structuredClone(config)) as SerialSettings;
}

/** Keys that say what a protocol looks like, and have no meaning without it. */
const SHAPES = { lines: 'lines', framed: 'frame' } as const;

/**
 * What a schema cannot say of a section.
 * @throws CaissonError `config-invalid`
 */
export function checkSerial({ protocol, lines, frame, lineProtocol, satellites, messages }: SerialSettings): void {
  for (const [name, key] of Object.entries(SHAPES)) {
    const isThere = (key === 'lines' ? lines : frame) !== undefined;
    if (isThere === (protocol === name)) continue;
    const problem = isThere ? `${key} means nothing with protocol: ${protocol}` : `protocol: ${name} needs ${key}`;
    throw new CaissonError('config-invalid', problem);
  }
  const hasUbx = protocol === 'ubx' || protocol === 'mixed';
  if (messages.length > 0 && !hasUbx) {
    throw new CaissonError('config-invalid', `messages means nothing with protocol: ${protocol}`);
  }
  if (satellites && !hasUbx && protocol !== 'nmea') {
    throw new CaissonError('config-invalid', `satellites means nothing with protocol: ${protocol}`);
  }
  if (lines !== undefined) checkLines(lines);
  if (frame !== undefined) checkFrame(frame);
  new ChannelTemplate(lineProtocol.channel);
}
