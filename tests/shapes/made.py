"""Flows in the shapes that other tools write."""

import csv
import io
import json

import pandas as pd

from flowtag_core import parse_flow_log
from flowtag_core.shapes.layout import DEFAULT_FIELDS


def messages(records):
    return [record.decode() for record in records]


def as_csv(rows, **options):
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n", **options).writerows(rows)
    return out.getvalue().encode()


def named(records, spelling=lambda name: name.replace("-", "_")):
    """Return each record as a dictionary of its fields' values by name."""
    names = [spelling(name) for name in DEFAULT_FIELDS]
    return [dict(zip(names, text.split(), strict=True)) for text in messages(records)]


def insights(name):
    special = {"start": "startTime", "end": "endTime", "srcaddr": "srcAddr", "dstaddr": "dstAddr"}
    first, *rest = name.split("-")
    special |= {"srcport": "srcPort", "dstport": "dstPort"}
    return special.get(name) or first + "".join(word.capitalize() for word in rest)


def parquet(records, kind=None):
    frame = pd.DataFrame(named(records))
    if kind == "bytes":
        frame = frame.map(str.encode)
    if kind == "floats":
        for name in ("dstport", "protocol", "packets", "bytes", "start"):
            frame[name] = pd.to_numeric(frame[name], errors="coerce").astype("float64")
    out = io.BytesIO()
    frame.to_parquet(out, compression="gzip")
    return out.getvalue()


def as_json(document, **options):
    return json.dumps(document, **options).encode()


CLOUDTRAIL = {
    "eventVersion": "1.08",
    "userIdentity": {"type": "Root"},
    "eventSource": "ec2.amazonaws.com",
    "eventName": "DescribeFlowLogs",
}
"""An event from another service's log."""


def counted_in_pieces(content, cuts, name):
    """Return the counts of a file that is read in pieces that end at these places."""
    ends = sorted({*cuts, len(content)})

    class Pieces(io.BytesIO):
        def read(self, size=-1):
            at = self.tell()
            return super().read(next((end - at for end in ends if end > at), size))

    return parse_flow_log(Pieces(content), names=[name])
