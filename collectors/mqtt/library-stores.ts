import { Readable } from 'node:stream';

/*
 * What the broker library is given in place of its own stores: it accepts connections, takes them over and keeps wills; messages,
 * subscriptions and sessions do not go through it.
 */

/** Stands for the subscriptions of a session that is kept: with one the library says that there is a session. */
const KEPT = [{ topic: 'kept', qos: 0 }] as const;

/** @param isPresent true for a client whose session goes on (MQTT-3.2.2-2) */
export function libraryPersistence(isPresent: (clientId: string) => boolean): object {
  return {
    setup: async () => {},
    subscriptionsByClient: async ({ id }: { id: string }) => (isPresent(id) ? KEPT : []),
    cleanSubscriptions: async () => {},
    cleanIncoming: async () => {},
    removeSubscriptions: async () => {},
    outgoingStream: () => Readable.from([]),
    putWill: async () => {},
    delWill: async () => {},
    streamWill: () => Readable.from([]),
  };
}

type Done = (() => void) | undefined;

/** Hands nothing on. */
export function libraryEmitter(): object {
  const answer = (done: Done) => {
    if (done !== undefined) setImmediate(done);
  };
  return {
    on: (_topic: string, _listener: unknown, done: Done) => answer(done),
    removeListener: (_topic: string, _listener: unknown, done: Done) => answer(done),
    emit: (_packet: unknown, done: Done) => answer(done),
    close: (done: Done) => answer(done),
  };
}
