import { SQL_SECONDS_MAX } from '../../gateway/limits.ts';

/** How long the client of this project waits, milliseconds; beyond, the call is ended and may be made again. */
export interface CallDeadline {
  /** For the answer, or the first message of a stream; undefined: it may be silent, pings tell that it lives. */
  readonly firstMs?: number;
  /** For each further message of a stream, while the reader waits for it. */
  readonly nextMs?: number;
}

const SHORT: CallDeadline = { firstMs: 10_000 };
const READING: CallDeadline = { firstMs: 60_000, nextMs: 60_000 };

/** A statement may compute for all of its time before the next row. */
const STATEMENT_MS = SQL_SECONDS_MAX * 1e3 + 10_000;

/** What is waited for each call, by the name of its method. */
export const DEADLINES = {
  ListChannels: SHORT,
  ListVersions: SHORT,
  GetStatus: SHORT,
  GetUsage: SHORT,
  Acknowledge: SHORT,
  GetPlace: SHORT,
  ListBoxes: SHORT,
  Wish: SHORT,
  GetConfig: SHORT,
  OfferConfig: SHORT,
  AskCarried: READING,
  ListCarried: SHORT,
  TakeCarried: READING,
  AnswerCarried: READING,
  ListCycles: READING,
  ListSessions: READING,
  KeepSession: SHORT,
  Query: READING,
  GetLedger: READING,
  GetDigests: READING,
  PullGateway: READING,
  /** Of a large file over a thin line nobody knows how long it takes. */
  BringCourier: {},
  Sql: { firstMs: STATEMENT_MS, nextMs: STATEMENT_MS },
  PullBlocks: { firstMs: 10_000 },
  Subscribe: { firstMs: 10_000 },
  /** Follows what comes to be; and on a thin line a single pack may take hours. */
  Transfer: {},
} as const satisfies Readonly<Record<string, CallDeadline>>;

export type KnownCall = keyof typeof DEADLINES;

/**
 * The messages of a stream, as they come.
 * @param late makes the error where one does not come in time
 */
export async function* inTime<Message>(
  messages: AsyncIterable<Message>,
  { firstMs, nextMs }: CallDeadline,
  late: (waitedMs: number) => Error,
): AsyncGenerator<Message, void, undefined> {
  const iterator = messages[Symbol.asyncIterator]();
  for (let limitMs: number | undefined = firstMs; ; limitMs = nextMs) {
    const next = iterator.next();
    const { done, value } = await (limitMs === undefined ? next : within(next, limitMs, late));
    if (done === true) return;
    yield value;
  }
}

async function within<Result>(
  result: Promise<Result>,
  limitMs: number,
  late: (waitedMs: number) => Error,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late(limitMs)), limitMs);
  });
  // Of two that fail, the later one is heard by nobody.
  result.catch(() => {});
  try {
    return await Promise.race([result, expired]);
  } finally {
    clearTimeout(timer);
  }
}
