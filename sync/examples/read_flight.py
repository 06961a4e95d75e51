#!/usr/bin/env python3
"""Reads the result of a statement over Arrow Flight with nothing but gRPC, and prints how many messages and bytes came.

Where pyarrow is at hand it does all of this and reads the record batches as well:

    pyarrow.flight.connect("grpc://127.0.0.1:7443").do_get(pyarrow.flight.Ticket(ticket)).read_all()

Needs what read_samples.py needs, and:

    protoc --python_out=. -I ../proto arrow/flight/flight.proto

    ./read_flight.py 127.0.0.1:7443 "select channel, count(*) from samples group by channel"
"""

import json
import sys

import grpc

from arrow.flight import flight_pb2 as pb


def main():
    address, statement = sys.argv[1:]
    ticket = json.dumps({"sql_query": statement}).encode()
    messages = size = 0
    with grpc.insecure_channel(address) as server:
        do_get = server.unary_stream(
            "/arrow.flight.protocol.FlightService/DoGet",
            request_serializer=pb.Ticket.SerializeToString,
            response_deserializer=pb.FlightData.FromString,
        )
        try:
            # The first is the schema, the others are dictionaries and record batches; header and body are Arrow's IPC.
            for data in do_get(pb.Ticket(ticket=ticket)):
                messages += 1
                size += len(data.data_body)
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name}: {error.details()}")
    print(f"{messages} messages, {size} bytes")


if __name__ == "__main__":
    main()
