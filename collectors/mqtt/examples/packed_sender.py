"""Writes one packed frame (../PACKED_FRAME.md) to standard output: a second of a tyre's pressure at 100 Hz as scaled
16-bit integers, and of its temperature at 10 Hz as floats. Python 3, nothing to install.

    python3 packed_sender.py 1700000000000000 | mosquitto_pub -h 127.0.0.1 -t car7/tyres -q 1 -s

The argument is the UTC of the first sample in microseconds; without it the frame is stamped when it arrives.
"""

import struct
import sys

TYPE_F32, TYPE_I16 = 1, 3
NOT_TAKEN = -32768


def record(kind, name, samples, first_us, interval_us, values):
    """PF-2: one channel; `values` are the bytes behind the name."""
    name_bytes = name.encode("utf-8")
    length = 14 + len(name_bytes) + len(values)
    head = struct.pack("<HBBHII", length, kind, len(name_bytes), samples, first_us, interval_us)
    return head + name_bytes + values


def i16(name, raw, first_us, interval_us, gain, offset=0.0):
    """value = raw * gain + offset; NOT_TAKEN is a sample that was not taken (PF-3.3, PF-3.4)."""
    values = struct.pack(f"<dd{len(raw)}h", gain, offset, *raw)
    return record(TYPE_I16, name, len(raw), first_us, interval_us, values)


def f32(name, values, first_us, interval_us):
    return record(TYPE_F32, name, len(values), first_us, interval_us, struct.pack(f"<{len(values)}f", *values))


def frame(base_time_us, records):
    """PF-1."""
    return struct.pack("<2sBBQH", b"\xca\x15", 1, 14, base_time_us, len(records)) + b"".join(records)


def main():
    base_time_us = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    pressure = [2000 + at for at in range(100)]
    pressure[50] = NOT_TAKEN
    temperature = [80 + 0.25 * at for at in range(10)]
    records = [
        i16("fl/pressure", pressure, 0, 10_000, 0.001),
        f32("fl/temperature", temperature, 5_000, 100_000),
    ]
    sys.stdout.buffer.write(frame(base_time_us, records))


if __name__ == "__main__":
    main()
