"""Writes and reads recordings of CAN frames with python-can, which others made.

    python_can.py write candump.log OUT...    converts to what the suffixes of OUT say
    python_can.py read FILE                   prints [seconds, channel, id, extended, remote, error, fd, brs, esi, hex] a line
"""

import json
import os
import sys
import time
from datetime import datetime

os.environ["TZ"] = "UTC"
time.tzset()

import can  # noqa: E402
import can.io.asc  # noqa: E402


class Then(datetime):
    """A moment in the place of now: of some moments python-can's ASC writer takes digits of the year away with those behind the milliseconds."""

    @classmethod
    def now(cls, tz=None):
        return cls(2026, 7, 26, 10, 23, 45, 678901)


can.io.asc.datetime = Then


def number_of(channel):
    """Channel of a candump log as python-can's writers take it, from 0: can1 is the first."""
    return int(str(channel)[3:]) - 1


def write(log, outs):
    writers = [can.Logger(out) for out in outs]
    for message in can.CanutilsLogReader(log):
        message.channel = number_of(message.channel)
        for writer in writers:
            writer.on_message_received(message)
    for writer in writers:
        writer.stop()


def read(path):
    for m in can.LogReader(path):
        flags = [m.is_extended_id, m.is_remote_frame, m.is_error_frame, m.is_fd, m.bitrate_switch, m.error_state_indicator]
        print(json.dumps([m.timestamp, m.channel, m.arbitration_id, *flags, m.dlc, bytes(m.data).hex()]))


if sys.argv[1] == "write":
    write(sys.argv[2], sys.argv[3:])
else:
    read(sys.argv[2])
