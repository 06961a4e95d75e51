import { CaissonError } from '../../gateway/errors.ts';
import type { AskedTelemetry, StoredChannel } from '../../gateway/query/telemetry.ts';
import type { LiveUpdateMessage, SubscribeRequestMessage } from '../api/live-messages.ts';
import type { Outflow } from '../api/outflow.ts';
import { requestedChannels } from '../api/query-call.ts';
import { Continuity, type Head, headOf, missingBehind } from './continuity.ts';
import { EMPTY_UPDATE, liveUpdates } from './live-update.ts';
import type { NewsItem, NewsPlace, NewsSource } from './news.ts';
import type { NewsBell } from './news-bell.ts';
import { decodeToken, encodeToken } from './resume-token.ts';
import type { Wanted } from './wanted.ts';

/** Channels of one subscription to every sample. Beyond: refused. */
const CHANNELS_MAX = 1024;

/** How often it is looked for news of which no bell told, milliseconds. */
const POLL_MS = 1_000;

/** What a central has for those who follow. */
export interface LiveSide {
  readonly news: NewsSource;
  readonly bell: NewsBell;
  readonly wanted: Wanted;
}

/** Channels of one gateway, and where their reader stands. */
interface Followed {
  readonly gateway: string;
  readonly channels: ReadonlyMap<string, StoredChannel>;
  readonly continuity: Continuity;
  place: NewsPlace;
}

/**
 * Sends every sample that is kept of channels, from now on or from where `request.resume` says, until the reader goes; and what is missing.
 * Nothing is held for a slow reader: the store has it.
 *
 * @param isScoped true where the caller may not see all channels: then it is looked before each update whether it still may
 * @throws CaissonError `query-invalid`, `channel-unknown`, `resume-lost`, `store-failed`
 */
export async function answerEvery(
  { news, bell, wanted }: LiveSide,
  telemetry: AskedTelemetry,
  request: SubscribeRequestMessage,
  out: Outflow<LiveUpdateMessage>,
  isScoped: boolean,
): Promise<void> {
  const channels = await requestedChannels(telemetry, request, CHANNELS_MAX);
  const followed = await begin(news, telemetry, channels, request.resume);
  const watch = bell.watch(new Set(followed.map(({ gateway }) => gateway)));
  const unwant = wanted.want(channels, 'news');
  const token = () =>
    encodeToken({
      places: new Map(followed.map(({ gateway, place }) => [gateway, place])),
      heads: new Map(followed.map(({ gateway, continuity }) => [gateway, continuity.heads])),
    });
  try {
    if (!(await out.send({ ...EMPTY_UPDATE, resume: token() }))) return;
    while (out.isOpen) {
      let isEnd = true;
      for (const each of followed) {
        const page = await news.after(each.gateway, each.place, (channel) => each.channels.has(channel));
        const items = [...(await unaccounted(telemetry, each, page.items)), ...page.items];
        if (isScoped && items.length > 0) await requireVisible(telemetry, each);
        const hasMoved = page.place.position !== each.place.position;
        each.place = page.place;
        isEnd &&= page.isEnd;
        if (!(await sendAll(out, each.gateway, items, hasMoved ? token : undefined))) return;
      }
      if (isEnd) await watch.rung(POLL_MS, out.closed);
    }
  } finally {
    unwant();
    watch.close();
  }
}

async function begin(
  news: NewsSource,
  telemetry: AskedTelemetry,
  channels: readonly StoredChannel[],
  resume: Uint8Array,
): Promise<Followed[]> {
  const point = resume.length === 0 ? undefined : decodeToken(resume);
  const byGateway = new Map<string, Map<string, StoredChannel>>();
  for (const channel of channels) {
    const known = byGateway.get(channel.gateway);
    if (known === undefined) byGateway.set(channel.gateway, new Map([[channel.name, channel]]));
    else known.set(channel.name, channel);
  }
  const followed: Followed[] = [];
  for (const [gateway, own] of byGateway) {
    const place = point?.places.get(gateway) ?? (await news.end(gateway));
    const resumed = new Map([...(point?.heads.get(gateway) ?? [])].filter(([channel]) => own.has(channel)));
    // Asked together, because over a database questions share their round trips.
    const fresh = [...own.values()]
      .filter(({ name }) => !resumed.has(name))
      .map(async ({ name, id }): Promise<[string, Head]> => [name, headOf(await telemetry.accounts(id))]);
    const continuity = new Continuity(resumed, new Map(await Promise.all(fresh)));
    followed.push({ gateway, channels: own, continuity, place });
  }
  return followed;
}

/** What these items pass over and the store's account knows to be missing. */
async function unaccounted(
  telemetry: AskedTelemetry,
  { channels, continuity, place }: Followed,
  items: readonly NewsItem[],
): Promise<NewsItem[]> {
  for (const item of items) continuity.note(item);
  const missing: NewsItem[] = [];
  for (const [name, head] of continuity.takeSuspects()) {
    const channel = channels.get(name);
    if (channel === undefined) continue;
    for (const run of missingBehind(name, head, await telemetry.accounts(channel.id))) {
      missing.push({ kind: 'missed', position: place.position, run });
    }
  }
  return missing;
}

/** @throws CaissonError `channel-unknown` where one may not be seen any more */
async function requireVisible(telemetry: AskedTelemetry, { gateway, channels }: Followed): Promise<void> {
  for (const name of channels.keys()) await telemetry.channel(name, gateway);
}

/** The last update has the token, which stands for all of them. */
async function sendAll(
  out: Outflow<LiveUpdateMessage>,
  gateway: string,
  items: readonly NewsItem[],
  token: (() => Uint8Array) | undefined,
): Promise<boolean> {
  let waiting: LiveUpdateMessage | undefined;
  for (const update of liveUpdates(gateway, items)) {
    if (waiting !== undefined && !(await out.send(waiting))) return false;
    waiting = update;
  }
  if (waiting === undefined && token === undefined) return true;
  return out.send({ ...(waiting ?? EMPTY_UPDATE), ...(token === undefined ? {} : { resume: token() }) });
}

/** Where every sample is asked for of a server that keeps no news. */
export function everyNotServed(): CaissonError {
  return new CaissonError('not-served', 'this server does not deliver every sample: it is no central', {
    hint: 'subscribe at a central, or without `every` to the latest values',
  });
}
