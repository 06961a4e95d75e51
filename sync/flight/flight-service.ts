import { Buffer } from 'node:buffer';
import type { PackageDefinition } from '@grpc/proto-loader';
import { CaissonError } from '../../gateway/errors.ts';
import type { Outflow } from '../api/outflow.ts';
import type {
  ActionMessage,
  ActionTypeMessage,
  CriteriaMessage,
  FlightDataMessage,
  FlightDescriptorMessage,
  FlightInfoMessage,
  ResultMessage,
  SchemaResultMessage,
  TicketMessage,
} from './flight-messages.ts';
import { type Flight, Flights, type FlightsParts, refuseTransaction } from './flights.ts';
import { SqlCommandCodec } from './sql-commands.ts';

const ACTIONS: readonly ActionTypeMessage[] = [
  {
    type: 'CreatePreparedStatement',
    description: 'ActionCreatePreparedStatementRequest to ActionCreatePreparedStatementResult',
  },
  { type: 'ClosePreparedStatement', description: 'ActionClosePreparedStatementRequest to nothing' },
];

/** The answers of arrow.flight.protocol.FlightService. */
export class FlightService {
  readonly #flights: Flights;
  readonly #codec: SqlCommandCodec;

  constructor(parts: Omit<FlightsParts, 'codec'>, protos: PackageDefinition) {
    this.#codec = new SqlCommandCodec(protos);
    this.#flights = new Flights({ ...parts, codec: this.#codec });
  }

  async listFlights({ expression }: CriteriaMessage, out: Outflow<FlightInfoMessage>): Promise<void> {
    for await (const { descriptor, ...flight } of this.#flights.list(Buffer.from(expression).toString())) {
      if (!(await out.send(infoOf(flight, descriptor)))) return;
    }
  }

  async getFlightInfo(descriptor: FlightDescriptorMessage): Promise<FlightInfoMessage> {
    return infoOf(await this.#flights.find(descriptor), descriptor);
  }

  async getSchema(descriptor: FlightDescriptorMessage): Promise<SchemaResultMessage> {
    const { schema } = await this.#flights.find(descriptor);
    return { schema };
  }

  async doGet({ ticket }: TicketMessage, out: Outflow<FlightDataMessage>): Promise<void> {
    for await (const data of this.#flights.fly(ticket, out.closed)) {
      if (!(await out.send(data))) return;
    }
  }

  /** @throws CaissonError `query-invalid` for a statement that cannot be, or another action */
  async doAction({ type, body }: ActionMessage, out: Outflow<ResultMessage>): Promise<void> {
    if (type === 'ClosePreparedStatement') return;
    const command = type === 'CreatePreparedStatement' ? this.#codec.decode(body) : undefined;
    if (command?.name !== 'ActionCreatePreparedStatementRequest') {
      const known = ACTIONS.map((action) => action.type).join(', ');
      throw new CaissonError('query-invalid', `the action ${JSON.stringify(type)} is not done here`, {
        hint: `actions are ${known}`,
      });
    }
    const { query, transactionId } = command.value;
    refuseTransaction(transactionId);
    const result = {
      preparedStatementHandle: Buffer.from(query),
      datasetSchema: await this.#flights.schemaOf(query),
      parameterSchema: new Uint8Array(0),
    };
    await out.send({ body: this.#codec.encode('ActionCreatePreparedStatementResult', result) });
  }

  async listActions(out: Outflow<ActionTypeMessage>): Promise<void> {
    for (const action of ACTIONS) await out.send(action);
  }
}

function infoOf({ schema, ticket }: Flight, flightDescriptor: FlightDescriptorMessage): FlightInfoMessage {
  const endpoint = [{ ticket: { ticket }, location: [] }];
  return { schema, flightDescriptor, endpoint, totalRecords: -1, totalBytes: -1, ordered: true };
}
