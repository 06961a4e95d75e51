import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import type { WireMeter } from '../line/wire-meter.ts';

/**
 * No credentials, as gRPC has them, but each connection is counted: grpc-js dials by itself, and shows its sockets only to the credentials
 * that would make them secure.
 */
export function meteredCredentials(meter: WireMeter): ChannelCredentials {
  const plain = credentials.createInsecure();
  const createConnector = plain._createSecureConnector.bind(plain);
  plain._createSecureConnector = (...parts) => {
    const connector = createConnector(...parts);
    return {
      connect: (socket) => {
        meter.add(socket);
        return connector.connect(socket);
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  };
  return plain;
}
