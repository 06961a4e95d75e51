import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../../gateway/errors.ts';
import type { AskedTelemetry, Samples } from '../../../gateway/query/telemetry.ts';
import type { PostgresTelemetry } from './postgres-telemetry.ts';

/** Questions that have one answer, by the name of the method that is asked. */
export type AskedName = Exclude<keyof AskedTelemetry, 'raw' | 'follow'> | 'boots' | 'clockAfter';

export type AskedArguments<Name extends AskedName> = Parameters<PostgresTelemetry[Name]>;

export type AnswerTo<Name extends AskedName> = Awaited<ReturnType<PostgresTelemetry[Name]>>;

/** What the thread is started with. */
export interface TelemetryThreadData {
  /** `postgres://user@host:port/database` */
  readonly url: string;
  readonly port: MessagePort;
  /** One number, which grows with each reply: whoever asks waits for that. */
  readonly replies: Int32Array;
}

/** To the thread: the next follows the reply, or comes when the limit for it has passed. */
export interface NumberedQuestion {
  /** Counts up. */
  readonly number: number;
  readonly question: ToTelemetryThread;
}

/** From the thread. */
export interface NumberedReply {
  /** Of the question that this answers. */
  readonly number: number;
  readonly reply: FromTelemetryThread;
}

export type ToTelemetryThread =
  /** Asks the same of each; the reply holds as many answers. */
  | { readonly kind: 'ask'; readonly name: AskedName; readonly each: readonly (readonly unknown[])[] }
  /** Begins to read samples; the reply holds nothing. */
  | { readonly kind: 'open'; readonly reading: number; readonly asked: Parameters<AskedTelemetry['raw']> }
  /** The next piece of what is read; the reply holds undefined at its end. */
  | { readonly kind: 'next'; readonly reading: number }
  | { readonly kind: 'close'; readonly reading: number };

export interface SentFailure {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

export type FromTelemetryThread =
  | { readonly kind: 'answers'; readonly answers: readonly unknown[]; readonly problems: readonly string[] }
  | { readonly kind: 'piece'; readonly samples: Samples | undefined; readonly problems: readonly string[] }
  | { readonly kind: 'failed'; readonly failure: SentFailure; readonly problems: readonly string[] };
