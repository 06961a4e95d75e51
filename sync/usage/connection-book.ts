import type { Socket } from 'node:net';
import { ResponderBuilder, ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder } from '@grpc/grpc-js';
import { destinationOf, lineOf } from '../destinations/caller.ts';
import { connectionKey } from '../trust/callers.ts';
import type { TrafficRow } from './usage-db.ts';

/** Line of a connection over which nobody named one. */
const UNNAMED_LINE = 'direct';

type Passed = Omit<TrafficRow, 'day'>;

interface OpenConnection {
  readonly socket: Socket;
  /** What was told of it. */
  received: number;
  sent: number;
  /** Who calls over it, and over which of its lines; undefined before the first call. */
  caller: { readonly peer: string; readonly line: string } | undefined;
}

/** What passes over the connections of a server, by who calls over them: a central with the name of its line, or anybody else. */
export class ConnectionBook {
  readonly #open = new Map<string, OpenConnection>();
  #gone: Passed[] = [];

  /** Counts until it closes. The socket itself, not one of TLS over it. */
  open(socket: Socket): void {
    const key = connectionKey(socket);
    const connection: OpenConnection = { socket, received: 0, sent: 0, caller: undefined };
    this.#open.set(key, connection);
    socket.once('close', () => {
      this.#open.delete(key);
      this.#gone.push(passedOf(connection));
      if (this.#gone.length >= GONE_MAX) this.#gone = summed(this.#gone);
    });
  }

  /** What passed since the last call, by peer and line. Of a connection over which nobody has called yet it waits until then. */
  drain(): Passed[] {
    const known = [...this.#open.values()].filter(({ caller }) => caller !== undefined);
    const rows = summed([...this.#gone, ...known.map(passedOf)]);
    this.#gone = [];
    return rows;
  }

  /** What stands before every call: it sees who calls. */
  readonly interceptor: ServerInterceptor = (_method, call) => {
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        const connection = this.#open.get(connectionKey(call.getConnectionInfo()));
        if (connection !== undefined) {
          connection.caller ??= { peer: destinationOf(metadata) ?? '', line: lineOf(metadata) ?? UNNAMED_LINE };
        }
        next(metadata);
      })
      .build();
    const responder = new ResponderBuilder().withStart((next) => next(listener)).build();
    return new ServerInterceptingCall(call, responder);
  };
}

/** Connections that are gone and not summed up. At the maximum: they are. */
const GONE_MAX = 1024;

function passedOf(connection: OpenConnection): Passed {
  const { socket, caller = { peer: '', line: UNNAMED_LINE } } = connection;
  const passed = { received: socket.bytesRead - connection.received, sent: socket.bytesWritten - connection.sent };
  connection.received = socket.bytesRead;
  connection.sent = socket.bytesWritten;
  return { ...caller, ...passed };
}

function summed(rows: readonly Passed[]): Passed[] {
  const sums = new Map<string, Passed>();
  for (const row of rows) {
    const key = JSON.stringify([row.peer, row.line]);
    const sum = sums.get(key) ?? { ...row, received: 0, sent: 0 };
    sums.set(key, { ...sum, received: sum.received + row.received, sent: sum.sent + row.sent });
  }
  return [...sums.values()].filter(({ received, sent }) => received + sent > 0);
}
