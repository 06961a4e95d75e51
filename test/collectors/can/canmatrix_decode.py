"""Decodes CAN frames with canmatrix, an independent decoder.

Reads one JSON object a line from standard input: {"dbc": path, "frames": [[id, extended, hex], ...]}.
Answers each with one JSON line: {"refused": reason} where canmatrix cannot use the file, else {"frames": [...]} with
null for a frame that the file does not have, or {signal: [raw, factor, offset]}, each number as text, and in "seconds" the
CPU time that decoding to physical values took. Frames are cut or filled with zeros to the length the file has for them.
"""

import contextlib
import json
import os
import sys
import time

import canmatrix
import canmatrix.formats


def decode(matrix, number, extended, payload):
    frame = matrix.frame_by_id(canmatrix.ArbitrationId(number, extended=extended))
    if frame is None:
        return None
    return {
        name: (value.raw_value, value.phys_value, value.signal)
        for name, value in frame.decode(payload[: frame.size].ljust(frame.size, b"\0")).items()
    }


def written(signals):
    if signals is None:
        return None
    return {name: [repr(raw), str(signal.factor), str(signal.offset)] for name, (raw, _, signal) in signals.items()}


def answer(task):
    try:
        # canmatrix reports what it passes over on standard output.
        with open(task["dbc"], "rb") as file, open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            matrix = canmatrix.formats.load_flat(
                file, "dbc", dbcImportEncoding="cp1252", dbcImportCommentEncoding="cp1252"
            )
            frames = [(number, extended, bytes.fromhex(data)) for number, extended, data in task["frames"]]
            started = time.process_time()
            decoded = [decode(matrix, *frame) for frame in frames]
            seconds = time.process_time() - started
            return {"frames": [written(signals) for signals in decoded], "seconds": seconds}
    except Exception as error:
        return {"refused": repr(error)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
