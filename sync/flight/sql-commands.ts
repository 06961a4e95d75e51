import { Buffer } from 'node:buffer';
import type { MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader';
import { CaissonError, messageOf } from '../../gateway/errors.ts';

/** The commands of sync/proto/arrow/flight/flight_sql.proto as they are in memory; the proto says what they mean. */
export interface SqlCommands {
  readonly CommandStatementQuery: { readonly query: string; readonly transactionId?: Uint8Array };
  readonly TicketStatementQuery: { readonly statementHandle: Uint8Array };
  readonly ActionCreatePreparedStatementRequest: { readonly query: string; readonly transactionId?: Uint8Array };
  readonly ActionCreatePreparedStatementResult: {
    readonly preparedStatementHandle: Uint8Array;
    readonly datasetSchema: Uint8Array;
    readonly parameterSchema: Uint8Array;
  };
  readonly ActionClosePreparedStatementRequest: { readonly preparedStatementHandle: Uint8Array };
  readonly CommandPreparedStatementQuery: { readonly preparedStatementHandle: Uint8Array };
  readonly CommandGetCatalogs: Readonly<Record<string, never>>;
  readonly CommandGetDbSchemas: { readonly catalog?: string; readonly dbSchemaFilterPattern?: string };
  readonly CommandGetTables: {
    readonly catalog?: string;
    readonly dbSchemaFilterPattern?: string;
    readonly tableNameFilterPattern?: string;
    readonly tableTypes: readonly string[];
    readonly includeSchema: boolean;
  };
  readonly CommandGetTableTypes: Readonly<Record<string, never>>;
  readonly CommandGetPrimaryKeys: { readonly catalog?: string; readonly dbSchema?: string; readonly table: string };
  readonly CommandGetSqlInfo: { readonly info: readonly number[] };
  readonly CommandGetXdbcTypeInfo: { readonly dataType?: number };
}

export type SqlCommandName = keyof SqlCommands;

/** A command with its name. */
export type SqlCommand = {
  [Name in SqlCommandName]: { readonly name: Name; readonly value: SqlCommands[Name] };
}[SqlCommandName];

const PACKAGE = 'arrow.flight.protocol.sql';
const URL_PREFIX = `type.googleapis.com/${PACKAGE}.`;

interface Packed {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** Reads and writes packed commands. */
export class SqlCommandCodec {
  readonly #protos: PackageDefinition;

  constructor(protos: PackageDefinition) {
    this.#protos = protos;
  }

  /** @throws CaissonError `query-invalid` for bytes that are no command, or one that is not answered here */
  decode(bytes: Uint8Array): SqlCommand {
    try {
      const { typeUrl, value } = this.#type<Packed>('PackedCommand').deserialize(Buffer.from(bytes));
      const name = typeUrl.startsWith(URL_PREFIX) ? typeUrl.slice(URL_PREFIX.length) : '';
      const type = this.#find(name);
      if (type === undefined || name === 'PackedCommand') throw unknownCommand(typeUrl);
      return { name, value: type.deserialize(Buffer.from(value)) } as SqlCommand;
    } catch (error) {
      if (error instanceof CaissonError) throw error;
      throw new CaissonError(
        'query-invalid',
        `these ${bytes.length} bytes are no command of Flight SQL: ${messageOf(error)}`,
        {
          cause: error,
          hint: 'a command is packed as google.protobuf.Any, or JSON such as {"channels": ["car1/gnss/speed"]}',
        },
      );
    }
  }

  encode<Name extends SqlCommandName>(name: Name, value: SqlCommands[Name]): Uint8Array {
    const packed: Packed = {
      typeUrl: `${URL_PREFIX}${name}`,
      value: this.#type<SqlCommands[Name]>(name).serialize(value),
    };
    return this.#type<Packed>('PackedCommand').serialize(packed);
  }

  #find(name: string): MessageTypeDefinition<object, object> | undefined {
    const definition = this.#protos[`${PACKAGE}.${name}`];
    const isMessage = definition !== undefined && 'format' in definition && 'deserialize' in definition;
    return isMessage ? (definition as MessageTypeDefinition<object, object>) : undefined;
  }

  #type<Message extends object>(name: string): MessageTypeDefinition<Message, Message> {
    const type = this.#find(name);
    if (type === undefined) throw new Error(`no message ${PACKAGE}.${name}`);
    return type as unknown as MessageTypeDefinition<Message, Message>;
  }
}

function unknownCommand(typeUrl: string): CaissonError {
  return new CaissonError('query-invalid', `the command ${JSON.stringify(typeUrl)} is not answered here`, {
    hint: 'commands are packed as google.protobuf.Any, under type.googleapis.com/arrow.flight.protocol.sql',
  });
}
