import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { READ_INTERVAL_MS } from '../../hardware/serial/serial-port.ts';
import { RawConfig } from '../raw-channel.ts';

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

/** Section `serial` of a source: sentences of satellite receivers and instruments from a serial port. */
export const SerialConfig = Type.Object(
  {
    port: Type.Union([Device, Recording], { description: 'where the bytes come from' }),
    protocol: Type.Optional(
      Type.Union([Type.Literal('nmea'), Type.Literal('ubx'), Type.Literal('mixed'), Type.Literal('vedirect')], {
        default: 'nmea',
        description:
          'what the bytes mean: NMEA 0183 sentences; UBX messages of u-blox receivers; these, sentences and RTCM 3 mixed; ' +
          'text blocks of Victron devices',
      }),
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
    checksum: Type.Optional(
      Type.Union([Type.Literal('required'), Type.Literal('optional')], {
        default: 'required',
        description: 'whether lines without a checksum are refused, or taken as some old instruments need',
      }),
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
export type SerialSettings = Required<Omit<SerialConfig, 'port' | 'prefix'>> & {
  readonly port: Required<Static<typeof Device>> | Static<typeof Recording>;
  readonly prefix?: string;
};

/** Fills in the defaults of a section that fits {@link SerialConfig}. */
export function serialSettings(config: SerialConfig): SerialSettings {
  return Value.Default(SerialConfig, structuredClone(config)) as SerialSettings;
}
