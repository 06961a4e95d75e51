import { Buffer } from 'node:buffer';
import { type handleUnaryCall, Metadata, type ServerDuplexStream, type ServerWritableStream } from '@grpc/grpc-js';
import { toGrpcStatus } from '../api/grpc-status.ts';
import type { Outflow } from '../api/outflow.ts';
import type {
  ActionMessage,
  CriteriaMessage,
  FlightDescriptorMessage,
  HandshakeMessage,
  TicketMessage,
} from './flight-messages.ts';
import type { FlightService } from './flight-service.ts';

/** What clients are given as a token: they want one, and nobody looks at it. */
const TOKEN = 'none';

/** Makes the method of a stream of what answers it. */
type StreamMethod = <Request, Response>(
  answer: (request: Request, out: Outflow<Response>) => Promise<void>,
) => (call: ServerWritableStream<Request, Response>) => void;

/**
 * The methods of arrow.flight.protocol.FlightService.
 * @param open loads the service when it is first asked for: a gateway that nobody asks carries no code of Arrow
 */
export function flightMethods(open: () => Promise<FlightService>, stream: StreamMethod) {
  let opened: Promise<FlightService> | undefined;
  const service = () => {
    opened ??= open();
    return opened;
  };
  return {
    Handshake: handshake,
    GetFlightInfo: unary(async (request: FlightDescriptorMessage) => (await service()).getFlightInfo(request)),
    GetSchema: unary(async (request: FlightDescriptorMessage) => (await service()).getSchema(request)),
    ListFlights: stream(async (request: CriteriaMessage, out: Outflow<object>) =>
      (await service()).listFlights(request, out),
    ),
    DoGet: stream(async (request: TicketMessage, out: Outflow<object>) => (await service()).doGet(request, out)),
    DoAction: stream(async (request: ActionMessage, out: Outflow<object>) => (await service()).doAction(request, out)),
    ListActions: stream(async (_request: object, out: Outflow<object>) => (await service()).listActions(out)),
  };
}

/** Answers every request with a token, in the header and in the payload: clients look here or there. */
function handshake(call: ServerDuplexStream<HandshakeMessage, HandshakeMessage>): void {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${TOKEN}`);
  call.sendMetadata(metadata);
  call.on('data', ({ protocolVersion }: HandshakeMessage) => {
    call.write({ protocolVersion, payload: Buffer.from(TOKEN) });
  });
  call.on('end', () => call.end());
  call.on('error', () => {});
}

function unary<Request, Response>(answer: (request: Request) => Promise<Response>): handleUnaryCall<Request, Response> {
  return (call, reply) => {
    answer(call.request).then(
      (response) => reply(null, response),
      (error: unknown) => reply(toGrpcStatus(error)),
    );
  };
}
