import type { Metadata, ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';
import { CaissonError } from '../../gateway/errors.ts';
import { toGrpcStatus } from './grpc-status.ts';
import { Outflow, type OutgoingCall } from './outflow.ts';

/** Streams that are answered at the same time, over all connections. Beyond: RESOURCE_EXHAUSTED. */
const STREAMS_MAX = 256;

/** When who found no room may ask again, milliseconds; and when a server that stops is likely to be back. */
const BUSY_MS = 2_000;
const STOPPING = new CaissonError('server-stopping', 'the server stops', { retryAfterMs: BUSY_MS });

/** Runs streaming calls, at most STREAMS_MAX at a time. */
export class Streams {
  readonly #stopped: AbortSignal;
  #running = 0;

  constructor(stopped: AbortSignal) {
    this.#stopped = stopped;
  }

  method<Request, Response>(
    inFlightMax: number,
    answer: (request: Request, out: Outflow<Response>, call: { readonly metadata: Metadata }) => Promise<void>,
  ): (call: ServerWritableStream<Request, Response>) => void {
    return (call) => this.#run(call, inFlightMax, (out) => answer(call.request, out, call));
  }

  duplex<Request, Response>(
    inFlightMax: number,
    answer: (call: ServerDuplexStream<Request, Response>, out: Outflow<Response>) => Promise<void>,
  ): (call: ServerDuplexStream<Request, Response>) => void {
    return (call) => this.#run(call, inFlightMax, (out) => answer(call, out));
  }

  #run<Response>(
    call: OutgoingCall<Response>,
    inFlightMax: number,
    answer: (out: Outflow<Response>) => Promise<void>,
  ): void {
    if (this.#running >= STREAMS_MAX) {
      const busy = new CaissonError('server-busy', `${STREAMS_MAX} streams are open, no more can be`, {
        retryAfterMs: BUSY_MS,
      });
      call.emit('error', toGrpcStatus(busy));
      return;
    }
    this.#running += 1;
    void this.#answer(call, new Outflow(call, inFlightMax, this.#stopped), answer).finally(() => {
      this.#running -= 1;
    });
  }

  async #answer<Response>(
    call: OutgoingCall<Response>,
    out: Outflow<Response>,
    answer: (out: Outflow<Response>) => Promise<void>,
  ): Promise<void> {
    try {
      await answer(out);
      if (this.#stopped.aborted) call.emit('error', toGrpcStatus(STOPPING));
      else call.end();
    } catch (error) {
      call.emit('error', toGrpcStatus(error));
    }
  }
}
