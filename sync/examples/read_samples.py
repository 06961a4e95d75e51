#!/usr/bin/env python3
"""Reads samples from a gateway or a central over gRPC, and prints how many, and their mean, for each channel.

Needs grpcio, protobuf and protoc (Debian: python3-grpcio python3-protobuf protobuf-compiler), and in this folder, once:

    protoc --python_out=. -I ../proto caisson/v1/telemetry.proto

    ./read_samples.py 127.0.0.1:7443 car1/gnss/speed car1/powertrain/Engine/EngineSpeed
"""

import array
import sys

import grpc

from caisson.v1 import telemetry_pb2 as pb

SERVICE = "/caisson.v1.Telemetry/"


def column(data):
    """A column as it travels, little-endian float64, as an array; numpy.frombuffer(data, '<f8') does the same."""
    values = array.array("d")
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def query(server, channels, **options):
    """Yields (channel, times, values, late) for each piece of the answer: times in microseconds of UTC, text for text channels,
    late a byte a sample or empty. Options: start, end (microseconds), version (0: as it was taken in)."""
    request = pb.QueryRequest(channels=channels)
    if "start" in options:
        setattr(request, "from", options["start"])
    if "end" in options:
        request.to = options["end"]
    if "version" in options:
        request.version = options["version"]
    ask = server.unary_stream(
        SERVICE + "Query",
        request_serializer=pb.QueryRequest.SerializeToString,
        response_deserializer=pb.QueryChunk.FromString,
    )
    for chunk in ask(request):
        samples = chunk.samples
        values = list(samples.texts) or column(samples.values)
        yield channels[chunk.channel], column(samples.times), values, samples.late


def main():
    address, *channels = sys.argv[1:]
    counts = dict.fromkeys(channels, 0)
    sums = dict.fromkeys(channels, 0.0)
    with grpc.insecure_channel(address) as server:
        try:
            for channel, _times, values, _late in query(server, channels):
                counts[channel] += len(values)
                sums[channel] += sum(value for value in values if isinstance(value, float))
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name}: {error.details()}")
    for channel in channels:
        mean = sums[channel] / counts[channel] if counts[channel] else float("nan")
        print(f"{channel} {counts[channel]} {mean!r}")


if __name__ == "__main__":
    main()
