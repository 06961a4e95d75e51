import { CaissonError } from '../../gateway/errors.ts';
import type { AskedTelemetry, BootAccount, NumberRun, StoredChannel } from '../../gateway/query/telemetry.ts';
import type { GetLedgerRequestMessage, LedgerAccountMessage, LedgerChunkMessage } from './messages.ts';
import type { Outflow } from './outflow.ts';

/** Names of one request. Beyond: refused. */
const NAMES_MAX = 4096;

/** Runs and days of one part of an account, and of one message. Beyond: the next part, the next message. */
const ENTRIES_MAX = 8192;

/** Channels that are read before others are served, however fast the reader takes what is sent. */
const CHANNELS_AT_ONCE = 64;

/** The account of one channel and boot, with whose it is. */
export interface ChannelAccount extends BootAccount {
  readonly gateway: string;
  readonly channel: string;
  /** Why it does not go to the central that was asked for; missing where it does, or none was. */
  readonly withheld?: string;
  /** Numbers that did not go to that central when their turn came, because the channel was withheld then; missing where there are none. */
  readonly passedOver?: readonly NumberRun[];
}

/** What of a ledger is told to who asks. */
export interface LedgerRules {
  /** Undefined: every channel is told of. */
  readonly allows?: ((channel: StoredChannel) => boolean) | undefined;
  /** Why a channel does not go where was asked for, undefined for one that does; undefined: nobody asked. */
  readonly withheldBy?: ((channel: StoredChannel) => string | undefined) | undefined;
  /** By id of the boot, which numbers of it did not go where was asked for. */
  readonly passedOver?: ((channel: StoredChannel) => ReadonlyMap<string, readonly NumberRun[]> | undefined) | undefined;
}

/**
 * Sends the accounts of channels, in the order of their ids.
 * @param rules which channels are told of, and why one does not go where was asked for
 * @throws CaissonError `query-invalid` for too many names
 */
export async function answerLedger(
  telemetry: AskedTelemetry,
  { gateway, channels, days }: GetLedgerRequestMessage,
  out: Outflow<LedgerChunkMessage>,
  { allows, withheldBy, passedOver }: LedgerRules = {},
): Promise<void> {
  if (channels.length > NAMES_MAX) {
    throw new CaissonError('query-invalid', `${channels.length} names asked for, expected at most ${NAMES_MAX}`);
  }
  const names = new Set(channels);
  let accounts: LedgerAccountMessage[] = [];
  let entries = 0;
  let read = 0;
  const flush = async () => {
    const isOpen = accounts.length === 0 || (await out.send({ accounts }));
    accounts = [];
    entries = 0;
    return isOpen;
  };
  for (const channel of await telemetry.channels()) {
    if (gateway !== '' && channel.gateway !== gateway) continue;
    if (names.size > 0 && !names.has(channel.name)) continue;
    if (allows !== undefined && !allows(channel)) continue;
    const whose = { gateway: channel.gateway, channel: channel.name, withheld: withheldBy?.(channel) ?? '' };
    const passed = passedOver?.(channel);
    for (const account of await telemetry.accounts(channel.id)) {
      for (const part of partsOf({ ...account, ...whose, passedOver: passed?.get(account.boot) ?? [] }, days)) {
        const size = entriesOf(part);
        if (entries + size > ENTRIES_MAX && !(await flush())) return;
        accounts.push(part);
        entries += size;
      }
    }
    read += 1;
    if (read % CHANNELS_AT_ONCE === 0) await out.pause(0);
    if (!out.isOpen) return;
  }
  await flush();
}

/** Joins parts as they come to whole accounts. */
export async function* wholeAccounts(
  chunks: AsyncIterable<LedgerChunkMessage>,
): AsyncGenerator<ChannelAccount, void, undefined> {
  let open: ChannelAccount | undefined;
  for await (const { accounts } of chunks) {
    for (const { origin, withheld, passedOver, ...part } of accounts) {
      if (open?.gateway === part.gateway && open.channel === part.channel && open.boot === part.boot) {
        const [held, missing] = [
          [...open.held, ...part.held],
          [...open.missing, ...part.missing],
        ];
        open = { ...open, held, missing, days: [...open.days, ...part.days], ...passedOverOf(open, passedOver) };
        continue;
      }
      if (open !== undefined) yield open;
      open = {
        ...{ ...part, origin: origin === '' ? undefined : origin },
        ...(withheld !== '' && { withheld }),
        ...passedOverOf({}, passedOver),
      };
    }
  }
  if (open !== undefined) yield open;
}

/** With those that came in earlier parts. */
function passedOverOf(
  { passedOver = [] }: Pick<ChannelAccount, 'passedOver'>,
  more: readonly NumberRun[],
): Pick<ChannelAccount, 'passedOver'> {
  return passedOver.length + more.length === 0 ? {} : { passedOver: [...passedOver, ...more] };
}

function* partsOf(
  { origin = '', withheld = '', passedOver = [], held, missing, days, ...rest }: ChannelAccount,
  withDays: boolean,
): Generator<LedgerAccountMessage> {
  const shown = withDays ? days : [];
  const length = Math.max(1, held.length, missing.length, shown.length, passedOver.length);
  for (let from = 0; from < length; from += ENTRIES_MAX) {
    const to = from + ENTRIES_MAX;
    const [heldPart, missingPart] = [held.slice(from, to), missing.slice(from, to)];
    const lists = {
      held: heldPart,
      missing: missingPart,
      days: shown.slice(from, to),
      passedOver: passedOver.slice(from, to),
    };
    yield { ...rest, origin, withheld, ...lists };
  }
}

function entriesOf({ held, missing, days, passedOver }: LedgerAccountMessage): number {
  return 1 + held.length + missing.length + days.length + passedOver.length;
}
