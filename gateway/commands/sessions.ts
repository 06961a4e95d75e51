import type { Command } from 'commander';
import type { SessionWish } from '../analysis/sessions/session-desk.ts';
import type { SessionMetadata } from '../analysis/sessions/session-records.ts';
import type { Session } from '../query/sessions.ts';
import { conclude, interrupted, Output, UsageError } from './outcome.ts';
import { sessionTable } from './sessions-text.ts';
import { openClient, type ServerOptions, serverOptions } from './telemetry-client.ts';
import { parseTime } from './time-text.ts';

interface Options extends ServerOptions {
  readonly from?: string;
  readonly to?: string;
  readonly gateway?: string;
  readonly json?: boolean;
}

interface KeepOptions extends Options {
  readonly name?: string;
  readonly note: readonly string[];
}

export function registerSessions(program: Command): void {
  const sessions = program.command('sessions');
  serverOptions(sessions.command('list', { isDefault: true }))
    .description('list them, of a gateway or a central')
    .option('--from <time>', 'those that touch the range from here: ISO 8601 (UTC without a zone) or microseconds')
    .option('--to <time>', 'its end, exclusive')
    .option('--gateway <id>', 'only those of this gateway')
    .option('--json', 'one JSON object a line, times in microseconds')
    .action((options: Options) => conclude(() => listSessions(options)));
  keepOptions(sessions.command('begin'))
    .description('begin one now; the one that goes on ends. With --from and --to: name a stretch of the past')
    .argument('<name>', 'what people call it')
    .action((name: string, options: KeepOptions) => conclude(() => begin(name, options)));
  keepOptions(sessions.command('end'))
    .description('end the one that goes on')
    .argument('[session]', 'another one, by its id or name, at --to')
    .action((session: string | undefined, options: KeepOptions) => conclude(() => end(session, options)));
  keepOptions(sessions.command('note'))
    .description('write down more of one: name, notes, begin, end')
    .argument('[session]', 'which one, by its id or name; none: the one that goes on')
    .option('--name <name>', 'what people call it from now on')
    .action((session: string | undefined, options: KeepOptions) => conclude(() => note(session, options)));
  sessions.addHelpText(
    'after',
    `
All is recorded, whether a session goes on or not: a session says what people call a stretch of it. It goes on over restarts until it is
ended. It is kept at its gateway, by someone on the box; centrals have what their gateways have.

Examples:
  caisson sessions begin 'FP1' --note driver=Kim --note track=Spa
  caisson sessions note --note 'tyres=C3, 18 laps'
  caisson sessions end
  caisson sessions begin 'Shakedown' --from 2026-06-01T09:00 --to 2026-06-01T09:40
  caisson sessions --server central.example:7444 --gateway car7`,
  );
}

function keepOptions(command: Command): Command {
  return serverOptions(command, 'gateway to ask')
    .option(
      '--note <key=value>',
      'what is worth to be known, any number of times; `key=` takes a note away',
      collected,
      [],
    )
    .option('--from <time>', 'when it began, where that was not now: ISO 8601 (UTC without a zone) or microseconds')
    .option('--to <time>', 'when it ended')
    .option('--json', 'the session as one JSON object, times in microseconds');
}

function collected(note: string, notes: readonly string[]): readonly string[] {
  return [...notes, note];
}

async function listSessions(options: Options): Promise<void> {
  const { gateway, json } = options;
  const client = await openClient(options);
  const output = new Output();
  const stop = AbortSignal.any([output.closed, interrupted()]);
  try {
    const { now } = await client.status();
    const { from, to } = spanOf(options);
    const range = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
    const sessions: Session[] = [];
    for await (const session of client.sessions({ gateway, ...range }, stop)) {
      if (json === true) await output.write(`${JSON.stringify(session)}\n`);
      else sessions.push(session);
    }
    if (json !== true)
      await output.write(
        sessionTable(sessions, now)
          .map((line) => `${line}\n`)
          .join(''),
      );
  } finally {
    client.close();
  }
}

function begin(name: string, options: KeepOptions): Promise<void> {
  return keep(options, { ...wishOf(options), begins: true, name });
}

function end(session: string | undefined, options: KeepOptions): Promise<void> {
  const wish = wishOf(options);
  return keep(options, { ...wish, session: session ?? '', ends: wish.to === undefined });
}

function note(session: string | undefined, options: KeepOptions): Promise<void> {
  return keep(options, { ...wishOf(options), session: session ?? '' });
}

function wishOf(options: KeepOptions): SessionWish {
  const { name = '', note: notes } = options;
  return { begins: false, session: '', name, ...spanOf(options), ends: false, metadata: metadataOf(notes) };
}

async function keep(options: KeepOptions, wish: SessionWish): Promise<void> {
  const client = await openClient(options);
  try {
    const session = await client.keepSession(wish);
    const { now } = await client.status();
    const lines = options.json === true ? [JSON.stringify(session)] : sessionTable([session], now);
    await new Output().write(lines.map((line) => `${line}\n`).join(''));
  } finally {
    client.close();
  }
}

/** @throws UsageError */
function spanOf({ from, to }: Options): Pick<SessionWish, 'from' | 'to'> {
  return {
    from: from === undefined ? undefined : parseTime(from, '--from: '),
    to: to === undefined ? undefined : parseTime(to, '--to: '),
  };
}

/** @throws UsageError */
function metadataOf(notes: readonly string[]): SessionMetadata {
  const pairs = notes.map((text) => {
    const [, key, value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (key === undefined) throw new UsageError(`--note is '${text}', expected key=value`);
    return [key.trim(), value.trim()] as const;
  });
  return Object.fromEntries(pairs);
}
