import type { KnownCall } from './deadlines.ts';
import type {
  AnswerCarriedRequestMessage,
  AskCarriedRequestMessage,
  AskCarriedResponseMessage,
  CarriedFileMessage,
  CarriedFileStateMessage,
  ListCarriedResponseMessage,
  TakeCarriedRequestMessage,
  TakeCarriedResponseMessage,
} from './relay-messages.ts';

/** The calls of caisson.v1.Relay, over the connection of a client. Each throws what the relay says. */
export class RelayCalls {
  readonly #ask: <Response>(method: KnownCall, request: object) => Promise<Response>;

  constructor(ask: <Response>(method: KnownCall, request: object) => Promise<Response>) {
    this.#ask = ask;
  }

  /** What became of files, in their order; perhaps only of the first of them. */
  async ask(request: AskCarriedRequestMessage): Promise<readonly CarriedFileStateMessage[]> {
    return (await this.#ask<AskCarriedResponseMessage>('AskCarried', request)).files;
  }

  /** What lies there for the central that asks. */
  async list(): Promise<readonly CarriedFileMessage[]> {
    return (await this.#ask<ListCarriedResponseMessage>('ListCarried', {})).files;
  }

  /** Bytes of a file; none where it ends. */
  async take(request: TakeCarriedRequestMessage): Promise<Uint8Array> {
    return (await this.#ask<TakeCarriedResponseMessage>('TakeCarried', request)).bytes;
  }

  async answer(request: AnswerCarriedRequestMessage): Promise<void> {
    await this.#ask<object>('AnswerCarried', request);
  }
}
