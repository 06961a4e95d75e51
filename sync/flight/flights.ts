import { Buffer } from 'node:buffer';
import type { Schema } from 'apache-arrow';
import { CaissonError } from '../../gateway/errors.ts';
import { SQL_SECONDS_MAX } from '../../gateway/limits.ts';
import type { AskedTelemetry } from '../../gateway/query/telemetry.ts';
import { ArrowStream } from '../../gateway/table/arrow-stream.ts';
import { ArrowWriter } from '../../gateway/table/arrow-writer.ts';
import type { ColumnTable } from '../../gateway/table/column-table.ts';
import { type SampleQuery, sampleTable, withCoverage } from '../../gateway/table/sample-table.ts';
import { type ResultKind, sqlTable } from '../../gateway/table/sql-table.ts';
import { SERVER_SQL_LIMITS, type SqlStatements } from '../api/sql-statements.ts';
import type { ArrowRows } from './arrow-rows.ts';
import { flightData, schemaMessage } from './flight-data.ts';
import type { FlightDataMessage, FlightDescriptorMessage } from './flight-messages.ts';
import {
  catalogsTable,
  dbSchemasTable,
  primaryKeysTable,
  tablesTable,
  tableTypesTable,
  xdbcTypesTable,
} from './metadata-tables.ts';
import { parseFlight, type SampleFlight, type StatementFlight, sampleQuery } from './sample-flight.ts';
import type { SqlCommand, SqlCommandCodec } from './sql-commands.ts';
import { sqlInfoOf, sqlInfoTable } from './sql-info.ts';

/** A statement that runs, with its result as a table. */
export interface RunningTable {
  readonly table: ColumnTable & { readonly kinds: readonly ResultKind[] };
  stop(): void;
}

/** What the ticket of a statement says. */
interface StatementTicket extends StatementFlight {
  readonly kinds?: readonly ResultKind[];
  /** Name under which a run is held; the statement is run anew where there is none. */
  readonly held?: string;
}

/** What a descriptor asks for: the schema, as an IPC message, and the ticket. */
export interface Flight {
  readonly schema: Uint8Array;
  readonly ticket: Uint8Array;
}

/** The first byte of what is JSON; a packed command begins with another. */
const BRACE = '{'.charCodeAt(0);

export interface FlightsParts {
  readonly telemetry: AskedTelemetry;
  readonly statements: SqlStatements<RunningTable>;
  readonly codec: SqlCommandCodec;
  /** Of Caisson. */
  readonly version: string;
}

/** What can be flown: samples of channels, results of statements, and what Flight SQL tells of the database. */
export class Flights {
  readonly #parts: FlightsParts;

  constructor(parts: FlightsParts) {
    this.#parts = parts;
  }

  /** A flight a channel, of names that begin so. */
  async *list(
    prefix: string,
  ): AsyncGenerator<Flight & { readonly descriptor: FlightDescriptorMessage }, void, undefined> {
    for (const channel of await this.#parts.telemetry.channels()) {
      const { gateway, name } = channel;
      if (!name.startsWith(prefix)) continue;
      const descriptor = { type: 'PATH' as const, cmd: Buffer.alloc(0), path: [gateway, name] };
      const all = { channels: [channel], from: -Number.MAX_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };
      yield { ...this.#described({ gateway, channels: [name] }, all), descriptor };
    }
  }

  /**
   * What a descriptor asks for. A statement is run up to its first rows, and held for its ticket.
   * @throws CaissonError `query-invalid`, `channel-unknown`, `query-limit`
   */
  async find({ type, cmd, path }: FlightDescriptorMessage): Promise<Flight> {
    if (type === 'PATH') return this.#samples(flightOfPath(path));
    if (cmd[0] === BRACE) {
      const flight = parseFlight(Buffer.from(cmd).toString());
      return 'sql' in flight ? this.#statement(flight) : this.#samples(flight);
    }
    const command = this.#parts.codec.decode(cmd);
    const sql = statementOf(command);
    return sql === undefined
      ? { schema: schemaMessage(this.#metadata(command).schema), ticket: cmd }
      : this.#statement({ sql, parameters: {} });
  }

  /**
   * The schema of what a statement gives, which is run up to its first rows for it.
   * @throws CaissonError `query-invalid`, `query-limit`
   */
  async schemaOf(sql: string): Promise<Uint8Array> {
    const { table, stop } = await this.#run({ sql, parameters: {} });
    stop();
    return new ArrowWriter(table).begin();
  }

  /**
   * The messages of a ticket, read as they are taken.
   * @param stopping ends a statement, also while it is not asked for rows
   * @throws CaissonError `query-invalid`, `channel-unknown`, `query-limit`
   */
  async *fly(ticket: Uint8Array, stopping: AbortSignal): AsyncGenerator<FlightDataMessage, void, undefined> {
    if (ticket[0] === BRACE) {
      const flight = parseFlight(Buffer.from(ticket).toString());
      if ('sql' in flight) yield* this.#flyStatement(flight, stopping);
      else yield* tableData(await this.#covered(flight));
      return;
    }
    const command = this.#parts.codec.decode(ticket);
    if (command.name === 'TicketStatementQuery') {
      yield* this.#flyStatement(ticketOf(command.value.statementHandle), stopping);
      return;
    }
    const sql = statementOf(command);
    if (sql !== undefined) yield* this.#flyStatement({ sql, parameters: {} }, stopping);
    else yield* rowsData(this.#metadata(command));
  }

  async #covered(flight: SampleFlight): Promise<ColumnTable> {
    const { telemetry } = this.#parts;
    return sampleTable(telemetry, await withCoverage(telemetry, await sampleQuery(telemetry, flight)));
  }

  async #samples(flight: SampleFlight): Promise<Flight> {
    return this.#described(flight, await sampleQuery(this.#parts.telemetry, flight));
  }

  #described(flight: SampleFlight, query: SampleQuery): Flight {
    const table = sampleTable(this.#parts.telemetry, query);
    return { schema: new ArrowWriter(table).begin(), ticket: Buffer.from(JSON.stringify(flight)) };
  }

  async #statement(flight: StatementFlight): Promise<Flight> {
    const running = await this.#run(flight);
    const schema = new ArrowWriter(running.table).begin();
    const held = this.#parts.statements.hold(running);
    const ticket: StatementTicket = { ...flight, kinds: running.table.kinds, held };
    const statementHandle = Buffer.from(JSON.stringify(ticket));
    return { schema, ticket: this.#parts.codec.encode('TicketStatementQuery', { statementHandle }) };
  }

  async *#flyStatement(
    ticket: StatementTicket,
    stopping: AbortSignal,
  ): AsyncGenerator<FlightDataMessage, void, undefined> {
    const held = ticket.held === undefined ? undefined : this.#parts.statements.take(ticket.held);
    const running = held ?? (await this.#run(ticket, ticket.kinds));
    const stop = () => running.stop();
    stopping.addEventListener('abort', stop, { once: true });
    try {
      yield* tableData(running.table);
    } finally {
      stopping.removeEventListener('abort', stop);
      stop();
    }
  }

  async #run({ sql, parameters }: StatementFlight, kinds?: readonly ResultKind[]): Promise<RunningTable> {
    const run = await this.#parts.statements.run(sql, parameters, SERVER_SQL_LIMITS);
    try {
      return { table: await sqlTable(run, kinds), stop: () => run.stop() };
    } catch (error) {
      run.stop();
      throw error;
    }
  }

  #metadata(command: SqlCommand): ArrowRows {
    const { name, value } = command;
    if (name === 'CommandGetCatalogs') return catalogsTable();
    if (name === 'CommandGetDbSchemas') return dbSchemasTable(value);
    if (name === 'CommandGetTables') return tablesTable(value);
    if (name === 'CommandGetTableTypes') return tableTypesTable();
    if (name === 'CommandGetPrimaryKeys') return primaryKeysTable();
    if (name === 'CommandGetXdbcTypeInfo') return xdbcTypesTable(value.dataType);
    if (name === 'CommandGetSqlInfo') return sqlInfoTable(sqlInfoOf(this.#parts.version, SQL_SECONDS_MAX), value.info);
    throw new CaissonError('query-invalid', `${name} is no command that has rows`);
  }
}

/** The statement of a command that has one. */
function statementOf({ name, value }: SqlCommand): string | undefined {
  if (name === 'CommandPreparedStatementQuery') return Buffer.from(value.preparedStatementHandle).toString();
  if (name !== 'CommandStatementQuery') return undefined;
  refuseTransaction(value.transactionId);
  return value.query;
}

/** @throws CaissonError `query-invalid` */
export function refuseTransaction(id: Uint8Array | undefined): void {
  if (id === undefined || id.length === 0) return;
  throw new CaissonError('query-invalid', 'there are no transactions: every statement reads one state of the store');
}

function flightOfPath(path: readonly string[]): SampleFlight {
  const [first = '', second] = path;
  if (path.length === 1) return { channels: [first] };
  if (path.length === 2 && second !== undefined) return { gateway: first, channels: [second] };
  throw new CaissonError(
    'query-invalid',
    `a path of ${path.length} parts, expected a channel, or a gateway and a channel`,
  );
}

/** What this server, or another of the same data, wrote into a ticket; a forged one asks for nothing that may not be asked. */
function ticketOf(handle: Uint8Array): StatementTicket {
  const { kinds, held, sql, parameters } = JSON.parse(Buffer.from(handle).toString()) as StatementTicket;
  return { sql, parameters, ...(kinds && { kinds }), ...(held !== undefined && { held }) };
}

async function* tableData(table: ColumnTable): AsyncGenerator<FlightDataMessage, void, undefined> {
  const writer = new ArrowWriter(table);
  yield* flightData(writer.begin());
  for await (const batch of table.batches) yield* flightData(writer.write(batch));
}

function* rowsData({ schema, batches }: ArrowRows): Generator<FlightDataMessage> {
  const stream = new ArrowStream(schema as Schema);
  yield* flightData(stream.begin());
  for (const batch of batches) yield* flightData(stream.write(batch));
}
