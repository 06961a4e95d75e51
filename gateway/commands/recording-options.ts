import { type Command, Option } from 'commander';
import { UTC_OFFSET } from '../../collectors/utc-offset.ts';
import { UsageError } from './outcome.ts';

const CAN_PROTOCOLS = ['j1939', 'nmea2000'] as const;

/** How recordings are to be understood, as the command line says it. */
export interface RecordingOptions {
  readonly dbc: readonly string[];
  readonly protocol?: (typeof CAN_PROTOCOLS)[number];
  readonly obd?: boolean;
  readonly raw?: boolean;
  readonly utcOffset?: string;
}

/** Adds the options of {@link RecordingOptions}. */
export function withRecordingOptions(command: Command): Command {
  return command
    .option(
      '--dbc <file>',
      'DBC file for CAN frames; again for each further one',
      (file, files: string[]) => [...files, file],
      [],
    )
    .addOption(
      new Option('--protocol <name>', 'what is spoken on the CAN bus, as in the config').choices(CAN_PROTOCOLS),
    )
    .option('--obd', 'decode replies of OBD-II')
    .option('--raw', 'keep CAN frames as they came, too; without a DBC file they are')
    .option('--utc-offset <offset>', 'local time minus UTC, as +08:00, of recorders that write local time');
}

/** What decodes a recording is told. @throws UsageError for an offset that is none */
export function recordingSettings({ protocol, obd = false, raw = false, utcOffset }: RecordingOptions) {
  if (utcOffset !== undefined && !new RegExp(UTC_OFFSET.pattern).test(utcOffset)) {
    throw new UsageError(`--utc-offset is ${utcOffset}, expected ${UTC_OFFSET['x-pattern']}`);
  }
  return { protocol, obd, raw, utcOffset };
}
