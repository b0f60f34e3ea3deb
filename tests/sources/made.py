"""Packed logs, a slow stream, and functions that count them."""

import io
import tarfile
import zipfile

from flowtag_core.reading.flow_log import parse_flow_log
from tests.logs import line

LINES = [line(dstport=str(port)) for port in (25, 443, 53, 8080, 22)]


LOG = b"".join(text + b"\n" for text in LINES)


class Dribble(io.RawIOBase):
    """A file that returns only a few bytes per read, as a pipe may."""

    def __init__(self, content, most):
        self._rest, self._most = io.BytesIO(content), most

    def read(self, size=-1):
        return self._rest.read(min(size, self._most))


def parse(content, **options):
    return parse_flow_log(io.BytesIO(content), names=["log"], **options)


def facts(counts):
    file = counts.files["log"]
    return (
        (file.records, file.headers, file.blank, file.flows, file.set_aside, file.damage),
        (counts.requests, counts.replies, counts.replies_by_service, counts.faults),
    )


def zipped(content, name="a.log"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def tarred(content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("logs/a.log")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()
