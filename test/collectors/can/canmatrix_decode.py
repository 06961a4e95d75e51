"""Decodes CAN frames with canmatrix, an independent decoder.

Reads one JSON object a line from standard input: {"dbc": path, "frames": [[id, extended, hex], ...]}.
Answers each with one JSON line: {"refused": reason} where canmatrix cannot use the file, else {"frames": [...]} with
null for a frame that the file does not have, or {signal: [raw, factor, offset]}, each number as text. Frames are cut
or filled with zeros to the length the file has for them.
"""

import contextlib
import json
import os
import sys

import canmatrix
import canmatrix.formats


def decode(matrix, number, extended, data):
    frame = matrix.frame_by_id(canmatrix.ArbitrationId(number, extended=extended))
    if frame is None:
        return None
    payload = bytes.fromhex(data)[: frame.size].ljust(frame.size, b"\0")
    return {
        name: [repr(value.raw_value), str(value.signal.factor), str(value.signal.offset)]
        for name, value in frame.decode(payload).items()
    }


def answer(task):
    try:
        # canmatrix reports what it passes over on standard output.
        with open(task["dbc"], "rb") as file, open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            matrix = canmatrix.formats.load_flat(
                file, "dbc", dbcImportEncoding="cp1252", dbcImportCommentEncoding="cp1252"
            )
            return {"frames": [decode(matrix, *frame) for frame in task["frames"]]}
    except Exception as error:
        return {"refused": repr(error)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
