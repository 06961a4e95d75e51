import { Client, type ClientReadableStream, credentials, type ServiceError } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { RecordBatchReader, type Schema, type Table, tableFromIPC } from 'apache-arrow';
import { FLIGHT_SERVICE, loadProtos, serviceOf } from '../../../sync/api/descriptor.ts';
import type {
  FlightDataMessage,
  FlightDescriptorMessage,
  FlightInfoMessage,
} from '../../../sync/flight/flight-messages.ts';
import { SqlCommandCodec, type SqlCommandName, type SqlCommands } from '../../../sync/flight/sql-commands.ts';

const protos = loadProtos();
const service = serviceOf(protos, FLIGHT_SERVICE);

export const codec = new SqlCommandCodec(protos);

/** Speaks Flight as the protocol is written, message by message. */
export class FlightProbe {
  readonly #client: Client;

  constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': 2 << 20,
    });
  }

  close(): void {
    this.#client.close();
  }

  ask<Response>(name: string, request: object): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = methodOf(name);
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, response?: object) => {
        if (error === null) resolve(response as Response);
        else reject(error);
      };
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, done);
    });
  }

  stream<Response>(name: string, request: object): ClientReadableStream<Response> {
    const { path, requestSerialize, responseDeserialize } = methodOf(name);
    const call = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
    return call as unknown as ClientReadableStream<Response>;
  }

  info(descriptor: Partial<FlightDescriptorMessage>): Promise<FlightInfoMessage> {
    return this.ask('GetFlightInfo', descriptor);
  }

  command<Name extends SqlCommandName>(name: Name, value: SqlCommands[Name]): Promise<FlightInfoMessage> {
    return this.info({ type: 'CMD', cmd: codec.encode(name, value) });
  }

  async messages(ticket: Uint8Array): Promise<FlightDataMessage[]> {
    const messages: FlightDataMessage[] = [];
    for await (const message of this.stream<FlightDataMessage>('DoGet', { ticket })) messages.push(message);
    return messages;
  }

  async get(ticket: Uint8Array): Promise<Table> {
    return tableFromIPC((await this.messages(ticket)).map(framed));
  }

  async getAll(info: FlightInfoMessage): Promise<Table> {
    const table = await this.get(info.endpoint[0]?.ticket.ticket ?? new Uint8Array(0));
    const told = schemaOf(info.schema);
    if (String(table.schema) !== String(told)) throw new Error(`${table.schema} came where ${told} was told`);
    return table;
  }
}

export function schemaOf(message: Uint8Array): Schema {
  const reader = RecordBatchReader.from(new Uint8Array(message));
  return reader.open().schema;
}

/** A message as it stands in an IPC stream. */
function framed({ dataHeader, dataBody }: FlightDataMessage): Uint8Array {
  const prefix = new Uint8Array(Int32Array.of(-1, dataHeader.length).buffer);
  return new Uint8Array(Buffer.concat([prefix, dataHeader, dataBody]));
}

function methodOf(name: string): MethodDefinition<object, object> {
  const method = service[name];
  if (method === undefined) throw new Error(`no method ${name}`);
  return method;
}
