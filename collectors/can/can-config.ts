import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { CaissonError } from '../../gateway/errors.ts';
import { nearest } from '../../gateway/nearest.ts';
import { STANDARD_ID_MAX } from '../../hardware/can/can-frame.ts';
import { GVRET_BAUD_RATE, GVRET_TCP_PORT } from '../../hardware/can/gvret/gvret-bus.ts';
import { SLCAN_BITRATES, SLCAN_DATA_BITRATES } from '../../hardware/can/slcan.ts';
import { SLCAN_BAUD_RATE } from '../../hardware/can/slcan-bus.ts';
import { SOCKETCAN_BUFFER_BYTES, type SocketcanReader } from '../../hardware/can/socketcan/socketcan-bus.ts';
import { SOCKETCAND_PORT } from '../../hardware/can/socketcand-bus.ts';
import { RawConfig, rawClass } from '../raw-channel.ts';
import { UTC_OFFSET } from '../utc-offset.ts';
import { OBD_QUANTITIES } from './obd/obd-pids.ts';
import type { RawKeeping } from './raw-frames.ts';

const Slcan = Type.Object(
  {
    slcan: Type.String({
      minLength: 1,
      description: 'serial device of an SLCAN (LAWICEL) adapter; best by its id, which survives another USB socket',
      examples: ['/dev/serial/by-id/usb-CANable-if00', '/dev/ttyACM0'],
    }),
    bitrate: Type.Union(
      SLCAN_BITRATES.map((bitrate) => Type.Literal(bitrate)),
      { description: 'speed of the bus, bit/s' },
    ),
    dataBitrate: Type.Optional(
      Type.Union(
        [...SLCAN_DATA_BITRATES.keys()].map((bitrate) => Type.Literal(bitrate)),
        { description: 'speed in the data phase of CAN FD, bit/s, for adapters that have it; without it, as it is' },
      ),
    ),
    listenOnly: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'neither acknowledges nor sends, so that the bus cannot notice the box; not every adapter has it',
      }),
    ),
    baudRate: Type.Optional(
      Type.Integer({
        minimum: 9600,
        maximum: 4_000_000,
        default: SLCAN_BAUD_RATE,
        description: 'speed of the line to the adapter, baud; USB adapters ignore it',
      }),
    ),
  },
  { additionalProperties: false, description: 'an SLCAN adapter' },
);

const Filter = Type.Object(
  {
    id: Type.Integer({ minimum: 0, maximum: 0x1fffffff, description: 'identifier', examples: ['0x100'] }),
    mask: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 0x1fffffff,
        description: 'bits of the identifier that count; without it, all',
        examples: ['0x7f0'],
      }),
    ),
    extended: Type.Optional(
      Type.Boolean({ default: false, description: 'for identifiers of 29 bits; those of 11 bits otherwise' }),
    ),
  },
  { additionalProperties: false, description: 'frames of an identifier, or of several alike' },
);

const Socketcan = Type.Object(
  {
    socketcan: Type.String({
      pattern: '^(?!-)[!-+.0-~-]{1,15}$',
      description: 'CAN interface of this machine (SocketCAN), as `ip link` calls it',
      examples: ['can0'],
    }),
    filters: Type.Optional(
      Type.Array(Filter, {
        minItems: 1,
        maxItems: 64,
        description: 'frames that the kernel hands over: those that one of these wants; without it, all',
        examples: [
          [
            { id: 0x100, mask: 0x700 },
            { id: 0x18fef100, mask: 0x1fffff00, extended: true },
          ],
        ],
      }),
    ),
    receiveBufferBytes: Type.Optional(
      Type.Integer({
        minimum: 4096,
        maximum: 256 * 1024 * 1024,
        default: SOCKETCAN_BUFFER_BYTES,
        description:
          'what the kernel keeps for the box while it is busy, some 750 B a frame; `net.core.rmem_max` bounds it',
      }),
    ),
    reader: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Literal('candump'), Type.Literal('addon')], {
        default: 'auto',
        description:
          'what reads the interface: candump of can-utils, or the npm package socketcan; `auto` takes the first there is',
      }),
    ),
    bitrate: Type.Optional(
      Type.Integer({
        minimum: 1000,
        maximum: 1_000_000,
        description: 'speed of the bus, bit/s, where the interface does not tell it, as a virtual one',
      }),
    ),
  },
  { additionalProperties: false, description: 'a CAN interface of this machine' },
);

const GvretBus = Type.Object(
  {
    bitrate: Type.Integer({ minimum: 10_000, maximum: 1_000_000, description: 'speed of the bus, bit/s' }),
    listenOnly: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'neither acknowledges nor sends, so that the bus cannot notice the box',
      }),
    ),
  },
  { additionalProperties: false, description: 'one bus of the adapter' },
);

const Gvret = Type.Object(
  {
    gvret: Type.String({
      minLength: 1,
      description:
        'adapter that speaks GVRET (Macchina M2, ESP32RET, EVTV): a serial device, by a path that begins with `/`, or a ' +
        'machine on the network, by name or address',
      examples: ['/dev/serial/by-id/usb-Macchina_M2-if00', '192.168.4.1'],
    }),
    port: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65_535, default: GVRET_TCP_PORT, description: 'its TCP port' }),
    ),
    baudRate: Type.Optional(
      Type.Integer({
        minimum: 9600,
        maximum: 4_000_000,
        default: GVRET_BAUD_RATE,
        description: 'speed of the line to a serial adapter, baud; those that are USB devices themselves ignore it',
      }),
    ),
    buses: Type.Optional(
      Type.Array(GvretBus, {
        minItems: 1,
        maxItems: 2,
        description:
          'how its first two buses are set up, one that is not named is switched off; without it, as they are',
        examples: [[{ bitrate: 500_000, listenOnly: true }, { bitrate: 125_000 }]],
      }),
    ),
  },
  { additionalProperties: false, description: 'an adapter that speaks GVRET, with one or more buses' },
);

const Socketcand = Type.Object(
  {
    socketcand: Type.String({
      minLength: 1,
      description: 'machine that runs socketcand, by name or address',
      examples: ['192.168.1.20'],
    }),
    port: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65_535, default: SOCKETCAND_PORT, description: 'its TCP port' }),
    ),
    interface: Type.Optional(
      Type.String({ pattern: '^[!-=?-~]{1,16}$', default: 'can0', description: 'name of the bus on that machine' }),
    ),
    bitrate: Type.Optional(
      Type.Integer({
        minimum: 1000,
        maximum: 1_000_000,
        description: 'speed of the bus, bit/s; with it the bus load is told',
      }),
    ),
  },
  { additionalProperties: false, description: 'a bus of another machine, over the network' },
);

const Log = Type.Object(
  {
    log: Type.String({
      minLength: 1,
      'x-path': true,
      description:
        'recording of candump, Vector ASC or BLF, PEAK TRC, pcap or pcapng of SocketCAN, or MF4 bus logging, plain or gzip; ' +
        'told apart by its content',
      examples: ['recordings/candump.log.gz', 'recordings/drive.blf'],
    }),
    utcOffset: Type.Optional(
      Type.String({
        ...UTC_OFFSET,
        default: '+00:00',
        description:
          'local time minus UTC where the recording was made, for formats that have local time (ASC, BLF, TRC)',
      }),
    ),
    speed: Type.Optional(
      Type.Union([Type.Number({ exclusiveMinimum: 0, maximum: 10_000 }), Type.Literal('max')], {
        default: 1,
        description: 'seconds of the recording in one second; `max`: as fast as the store takes it, without loss',
      }),
    ),
    loop: Type.Optional(
      Type.Boolean({ default: false, description: 'begin again at the end; the times go on behind the last one' }),
    ),
    bitrate: Type.Optional(
      Type.Integer({
        minimum: 1000,
        maximum: 1_000_000,
        description: 'speed the recorded bus had, bit/s; with it the bus load is told',
      }),
    ),
    dataBitrate: Type.Optional(
      Type.Integer({
        minimum: 1000,
        maximum: 20_000_000,
        description: 'speed in the data phase of CAN FD frames, bit/s; without it, `bitrate`',
      }),
    ),
  },
  { additionalProperties: false, description: 'a recording in place of a bus' },
);

const DbcFiles = Type.Array(Type.String({ minLength: 1, 'x-path': true }), {
  maxItems: 64,
  description:
    'DBC files, all used together; where several have the same identifier, the first in this list wins, and `caisson check` names both',
  examples: [['powertrain.dbc', 'chassis.dbc']],
});

const Interface = Type.Object(
  {
    dbc: Type.Optional(DbcFiles),
    name: Type.Optional(
      Type.String({ minLength: 1, description: 'name in channel names; without it, the one in the recording' }),
    ),
  },
  { additionalProperties: false, description: 'one bus of a recording with several' },
);

const ObdPoll = Type.Object(
  {
    poll: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      maxItems: 64,
      description: 'quantities to ask the car for, one after the other, by the names of `collectors/can/README.md`',
      examples: [['engine_speed', 'vehicle_speed', 'coolant_temperature']],
    }),
    intervalMs: Type.Optional(
      Type.Integer({
        minimum: 50,
        maximum: 60_000,
        default: 100,
        description: 'least time between two requests, ms; control units have 50 ms to answer',
      }),
    ),
    troubleCodesSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 86_400,
        default: 60,
        description: 'time between two askings for trouble codes and the frame frozen with one, s; 0: never',
      }),
    ),
    identifiers: Type.Optional(
      Type.Union([Type.Literal(11), Type.Literal(29)], {
        default: 11,
        description: 'bits of the identifiers that the car is asked with',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'what the box asks the car for; without it, it listens to another tester',
  },
);

/** As any source has it, but what nothing decodes is kept without being asked for. */
const CanRaw = Type.Union([...RawConfig.anyOf], {
  description:
    'whether frames are kept as they came beside what is decoded from them, so that `caisson redecode` can decode them again; ' +
    'a word instead of true is the class of that channel. Without it, data frames that nothing decodes are kept, or all frames ' +
    'where the source has neither DBC files nor `protocol` nor `obd`; false: none',
});

/** Section `can` of a source: signals of a CAN bus, decoded by DBC files. */
export const CanConfig = Type.Object(
  {
    bus: Type.Union([Slcan, Socketcan, Gvret, Socketcand, Log], { description: 'where the frames come from' }),
    dbc: Type.Optional(DbcFiles),
    interfaces: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Interface, {
        description:
          'the buses of a recording that are wanted, by their name in it; each has its own DBC files or else the ones ' +
          'of the source, and its name becomes part of channel names. Without it all are taken, and all but the first have their name in channel names',
        examples: [{ can0: { name: 'powertrain', dbc: ['powertrain.dbc'] }, can1: { dbc: ['radar.dbc'] } }],
      }),
    ),
    protocol: Type.Optional(
      Type.Union([Type.Literal('j1939'), Type.Literal('nmea2000')], {
        description:
          'what is spoken above CAN: messages of 29-bit identifiers are known by their parameter group, whatever their ' +
          'priority and sender, and have the address of the sender in their channel names; long messages are put together; ' +
          '"not available" and "error" are no values. `j1939`: trucks, tractors, generators, decoded by DBC files. ' +
          '`nmea2000`: boats, decoded by the definitions of canboat where no DBC file has the group',
      }),
    ),
    obd: Type.Optional(
      Type.Union([Type.Boolean(), ObdPoll], {
        description: 'OBD-II of a car: its quantities, its texts and its trouble codes',
      }),
    ),
    timestamp: Type.Optional(
      Type.Union([Type.Literal('arrival'), Type.Literal('device')], {
        default: 'arrival',
        description: 'time of the samples: the moment a frame arrived, in box time, or the UTC that the recording has',
      }),
    ),
    raw: Type.Optional(CanRaw),
    prefix: Type.Optional(
      Type.String({ minLength: 1, description: 'first part of channel names; without it, the name of the source' }),
    ),
  },
  { additionalProperties: false, description: 'signals of a CAN bus' },
);

/** The section as it may be written. */
export type CanConfig = Static<typeof CanConfig>;

export type SlcanSection = Static<typeof Slcan> & { readonly listenOnly: boolean; readonly baudRate: number };
export type SocketcanSection = Static<typeof Socketcan> & {
  readonly receiveBufferBytes: number;
  readonly reader: SocketcanReader;
};
export type GvretSection = Static<typeof Gvret> & { readonly port: number; readonly baudRate: number };
export type SocketcandSection = Static<typeof Socketcand> & { readonly port: number; readonly interface: string };
export type LogSection = Static<typeof Log> & {
  readonly speed: number | 'max';
  readonly loop: boolean;
  readonly utcOffset: string;
};

/** What a car is asked for by OBD-II. */
export interface ObdPolling {
  readonly quantities: readonly string[];
  /** Time between two requests, milliseconds. */
  readonly intervalMs: number;
  /** Time between two askings for trouble codes, milliseconds; infinite: they are not asked for. */
  readonly codesEveryMs: number;
  /** Whether requests have identifiers of 29 bits. */
  readonly extended: boolean;
}

/** Protocols by parameter groups. */
export type CanProtocol = 'j1939' | 'nmea2000';

/** The section with every default filled in. */
export interface CanSettings {
  readonly bus: SlcanSection | SocketcanSection | GvretSection | SocketcandSection | LogSection;
  readonly dbc: readonly string[];
  readonly interfaces: Readonly<Record<string, Static<typeof Interface>>> | undefined;
  /** What is spoken above CAN; undefined: nothing, identifiers are what a DBC file has. */
  readonly protocol: CanProtocol | undefined;
  /** Undefined where OBD-II is not decoded; without `poll` the box only listens. */
  readonly obd: { readonly poll: ObdPolling | undefined } | undefined;
  readonly timestamp: 'arrival' | 'device';
  readonly prefix: string | undefined;
  /** Which frames are kept as they came; undefined: none. */
  readonly raw: RawKeeping | undefined;
}

/** Fills in the defaults of a section that fits {@link CanConfig}. */
export function canSettings(config: CanConfig): CanSettings {
  const { bus, dbc = [], interfaces, protocol, obd, timestamp = 'arrival', prefix, raw } = config;
  // A copy of all of it: the defaults of what lies deeper are filled in where it lies, and the config is frozen.
  const filled = Value.Default(schemaOf(bus), structuredClone(bus));
  return {
    bus: filled as CanSettings['bus'],
    dbc,
    interfaces,
    protocol,
    obd: obdSettings(obd),
    timestamp,
    prefix,
    raw: keepingOf(raw, config),
  };
}

/** What came and meets nothing that decodes it is kept without being asked for. */
function keepingOf(raw: CanConfig['raw'], config: CanConfig): RawKeeping | undefined {
  if (raw === undefined) return { class: 'bulk', frames: isDecoded(config) ? 'undefined' : 'all' };
  const ofClass = rawClass(raw);
  return ofClass && { class: ofClass, frames: 'all' };
}

/** Whether a source has anything to decode frames by. */
function isDecoded({ dbc = [], interfaces, protocol, obd = false }: CanConfig): boolean {
  const files = [...dbc, ...Object.values(interfaces ?? {}).flatMap((each) => each.dbc ?? [])];
  return files.length > 0 || protocol !== undefined || obd !== false;
}

/** Whether a GVRET adapter is a serial device and not a machine on the network. */
export function isDevice(gvret: string): boolean {
  return gvret.startsWith('/');
}

function schemaOf(bus: CanConfig['bus']): TSchema {
  if ('slcan' in bus) return Slcan;
  if ('socketcan' in bus) return Socketcan;
  if ('gvret' in bus) return Gvret;
  return 'socketcand' in bus ? Socketcand : Log;
}

function obdSettings(obd: CanConfig['obd']): CanSettings['obd'] {
  if (obd === undefined || obd === false) return undefined;
  if (obd === true) return { poll: undefined };
  const { poll: quantities, intervalMs = 100, troubleCodesSeconds = 60, identifiers = 11 } = obd;
  const codesEveryMs = troubleCodesSeconds === 0 ? Number.POSITIVE_INFINITY : troubleCodesSeconds * 1000;
  return { poll: { quantities, intervalMs, codesEveryMs, extended: identifiers === 29 } };
}

/** Refuses what each key allows and their combination does not. Throws `config-invalid`. */
export function checkSettings(settings: CanSettings, source: string): void {
  const { bus, interfaces, timestamp } = settings;
  const refuse = (problem: string, hint: string): never => {
    throw new CaissonError('config-invalid', `source ${source}: ${problem}`, { hint });
  };
  if (('slcan' in bus || 'gvret' in bus) && timestamp === 'device') {
    refuse('timestamp is device, but frames of an adapter carry no UTC', 'use timestamp: arrival');
  }
  const filter = 'socketcan' in bus ? bus.filters?.find((one) => one.id > STANDARD_ID_MAX && !one.extended) : undefined;
  if (filter !== undefined) {
    const hint = 'add extended: true';
    refuse(`bus.filters has identifier ${filter.id}, which takes more than 11 bits, without extended`, hint);
  }
  if (!('log' in bus || 'gvret' in bus) && interfaces !== undefined) {
    refuse(
      'interfaces are of recordings and adapters with several buses; this one is a single bus',
      'put its DBC files under dbc',
    );
  }
  const poll = settings.obd?.poll;
  if (poll !== undefined && 'log' in bus) {
    refuse('obd asks a car, but a recording cannot be asked', 'use obd: true, which decodes what was answered');
  }
  if (poll !== undefined && 'slcan' in bus && bus.listenOnly) {
    refuse('obd asks a car, but with listenOnly nothing is sent', 'use listenOnly: false, or obd: true to only listen');
  }
  if (poll !== undefined && 'gvret' in bus && bus.buses?.[0]?.listenOnly === true) {
    refuse('obd asks a car, but its bus only listens', 'use listenOnly: false for the first of buses, or obd: true');
  }
  const unknown = poll?.quantities.find((name) => !OBD_QUANTITIES.has(name));
  if (unknown !== undefined) {
    const [like] = nearest(unknown, OBD_QUANTITIES.keys(), 1);
    const hint = like === undefined ? 'collectors/can/README.md names some' : `did you mean ${like}?`;
    refuse(`obd.poll has ${unknown}, which is no quantity of OBD-II`, hint);
  }
  const names = Object.entries(interfaces ?? {}).map(([key, { name }]) => name ?? key);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) refuse(`two interfaces are named ${twice}`, 'give each a name of its own');
}

/** Speeds of the bus, bit/s, where they are known. */
export function bitratesOf(bus: CanSettings['bus']): { bitrate: number | undefined; dataBitrate: number | undefined } {
  const bitrate = 'gvret' in bus ? undefined : bus.bitrate;
  return { bitrate, dataBitrate: ('dataBitrate' in bus ? bus.dataBitrate : undefined) ?? bitrate };
}
