"""Small files that are built to use too many resources are refused quickly, with one message."""

import base64
import gzip
import io
import json
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zipfile

import pytest
import zstandard

from flowtag_core import Cancelled, parse_flow_log
from tests.conftest import ROOT, SAMPLE
from tests.sources.made import parse

MEGABYTE = 1 << 20


def gz(*pieces):
    return gzip.compress(b"".join(pieces), 6)


def tar_header(name="a.log", kind=tarfile.REGTYPE, size=0):
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


def sparse_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a.log")
        member.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 50)}
        archive.addfile(member)
    return out.getvalue()


def zip_of(method, *contents):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}.log", content)
    return out.getvalue()


def parquet(size, **columns):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    rows = pa.array([0] * size, pa.int32())
    table = {
        name: pa.DictionaryArray.from_arrays(rows, pa.array([value]))
        for name, value in columns.items()
    }
    pq.write_table(pa.table(table), out, compression="zstd")
    return out.getvalue()


def payloads(count):
    payload = base64.b64encode(gz(gz(b"a" * (20 * MEGABYTE)))).decode()
    return json.dumps({"awslogs": {"data": payload}}).encode() * count


def logs():
    """Yield the name of each log, its content, and a part of the message that it must produce."""
    yield "payloads.json", payloads(9), "over 1,000 times its size"
    yield (
        "members.zip",
        zip_of(zipfile.ZIP_DEFLATED, *[gz(b"a" * (20 * MEGABYTE))] * 5),
        "over 1,000 times",
    )
    yield "bzip2.zip", zip_of(zipfile.ZIP_BZIP2, b"\n" * MEGABYTE), "is packed with bzip2"
    yield "bomb.zst", zstandard.compress(b"a" * (30 * MEGABYTE)), "over 1,000 times"
    yield "wide.gz", gz(b"\xff\xfe", b"a\0" * (20 * MEGABYTE)), "over 1,000 times"
    yield (
        "folders.tar.gz",
        gz(tar_header("a", tarfile.DIRTYPE) * 50_000),
        "more than any real archive",
    )
    yield "sparse.tar", sparse_tar(), "is a sparse file"
    long_name = tar_header("././@LongLink", tarfile.GNUTYPE_LONGNAME, 1 << 40)
    yield "name.tar", long_name + bytes(2048), "is damaged"
    text = "x" * 100_000
    message = parquet(20_000, message=text)
    yield "messages.parquet", message, "over 1,000 times its size"
    flows = parquet(20_000, dstport=443, protocol=6, start=1, action=text)
    yield "words.parquet", flows, "20,000 records"
    many = parquet(3, dstport="x" * (60 * MEGABYTE), protocol="6", start="1")
    yield "page.parquet", many, "over 1,000 times its size"
    yield "blank.log.gz", gz(b"\n" * (20 * MEGABYTE)), "over 1,000 times its size"
    values = gz(b'{"x":[', b"{}," * MEGABYTE, b"{}]}")
    yield "values.json.gz", values, "over 1,000 times its size"
    rows = gz(b"version,dstport,protocol,start\n", (b'"' + b"a" * (2 * MEGABYTE) + b"\n") * 5)
    yield "rows.csv.gz", rows, "too few fields"

    names = json.dumps({"a" * 300_000: {f"{number:x}": 1 for number in range(20_000)}})
    yield "names.json", names.encode(), "no record in the JSON"
    yield "deep.json", b'{"a":[' * 486 + b"1" + b"]}" * 486, "no record in the JSON"
    yield "lists.json.gz", gz(b"[" + b"[]," * 200_000 + b"[]]\n"), "over 1,000 times its size"
    notes = gz(b'{"messageType":"CONTROL_MESSAGE"}\n' * 50_000)
    yield "notes.json.gz", notes, "over 1,000 times its size"
    yield "open.json", b'{"a":\n' * 20_000, "over 1,000 times its size"
    yield "members.gz", gz(gz(b"") * 50_000), "over 1,000 times its size"
    frame = struct.pack("<II", 0x184D2A50, 0)  # a skippable frame
    yield "frames.gz", gz(frame * 50_000), "over 1,000 times its size"
    yield (
        "listing.zip.gz",
        gz(zip_listing(100_000)),
        "the list of its files is 5,000,000 bytes long",
    )
    yield (
        "fields.tar.gz",
        gz(tar_header("a", tarfile.XHDTYPE, 1 << 20), b"5 a=\n" * 209_716),
        "over 1",
    )
    header = b"dstport,protocol,start" + b",a" * 9_000 + b"\n"
    yield "columns.csv.gz", gz(header * 100), "over 1,000 times its size"
    yield "lie.parquet", bytes.fromhex(LIE), "is a Parquet file that is damaged"


LIE = (
    "504152311502194c480172150600150225001807647374706f72740015022500180870726f746f63"
    "6f6c001504250018057374617274001600191c19fcc0843d003d00000050415231"
)
"""A Parquet file whose only row group claims to have a million columns."""


def zip_listing(entries):
    """Return a zip archive whose directory lists the same file this many times."""
    name = b"a.log"
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 50 * entries, 0, 0)
    return b"PK\3\4" + (entry + name[:4]) * entries + end


def lookups():
    yield (
        "bytes.csv.gz",
        gz(b"dstport,protocol,tag\n", b"\x81" * (20 * MEGABYTE)),
        "line 2 is longer",
    )
    yield "line.csv.gz", gz(b"," * (20 * MEGABYTE)), "line 1 is longer"
    losers = gz(b"dstport,protocol,tag\n", b"1,6,a\n" * 120_000, b"1,6,b\n")
    yield "losers.csv.gz", losers, "rows that lose to later rows: 20,000 more"
    yield "rows.csv.gz", gz(b"dstport,protocol,tag\n", b"x\n" * (2 * MEGABYTE)), "too many for a"
    yield "cells.csv.gz", gz(b"dstport,protocol,tag\n", b"," * (9 * MEGABYTE)), "line 2 is longer"
    yield "large.csv.gz", gz(b"dstport,protocol,tag\n", b"x" * (90 * MEGABYTE)), "too large for a"
    unusable = gz(b"dstport,protocol,tag\n", b"99999,tcp,x\n" * 120_000)
    yield (
        "unusable.csv.gz",
        unusable,
        "over 100,000 rows cannot be used; the first is line 2",
    )
    quotes = gz(b"dstport,protocol,tag\n", b'"\n",' * MEGABYTE)
    yield "quotes.csv.gz", quotes, "a quote is opened but never closed"


MEASURED = """
import contextlib, io, json, sys, time
from flowtag_core.commands.verbs import run as main
from flowtag_core.sources import budget

budget._MOST_STREAMED >>= 6  # a smaller budget, so that smaller files exceed it

def run(*files):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            main([*files, sys.argv[3]])
        except SystemExit:
            pass
    return said.getvalue()

def memory(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) // 1000

run(*sys.argv[1:3])
for files in json.load(sys.stdin):
    open("/proc/self/clear_refs", "w").write("5")
    before, began = memory("VmRSS"), time.monotonic()
    said = run(*files)
    print(json.dumps([said, time.monotonic() - began, memory("VmHWM") - before]), flush=True)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="memory can be measured only on Linux"
)
def test_a_hostile_file_is_refused_quickly_with_little_memory_and_one_message(tmp_path):
    log, lookup = SAMPLE / "flow.log", SAMPLE / "lookup.csv"
    commands, names, sentences = [], [], []
    for given, as_lookup in ((logs(), False), (lookups(), True)):
        for name, content, sentence in given:
            path = tmp_path / f"{as_lookup:d}-{name}"
            path.write_bytes(content)
            commands.append([str(log), str(path)] if as_lookup else [str(path), str(lookup)])
            names.append(name)
            sentences.append(sentence)
    child = [sys.executable, "-c", MEASURED, log, lookup, tmp_path / "result.csv"]
    done = subprocess.run(
        child, cwd=ROOT, input=json.dumps(commands), capture_output=True, text=True, check=True
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(names)
    for name, sentence, (said, seconds, megabytes) in zip(names, sentences, found, strict=True):
        assert sentence in said, (name, said)
        assert "Traceback" not in said
        assert "bug in flowtag" not in said
        assert (seconds < 60, megabytes < 500) == (True, True), (name, seconds, megabytes)


@pytest.mark.parametrize(
    "beginning",
    [
        gz(b""),
        gz(b'{"message":"'),
        gz(tar_header(size=1 << 40)),
    ],
    ids=["one line", "one string", "one file"],
)
def test_reading_that_finds_no_records_is_canceled_within_two_seconds(beginning):
    _is_cancelled_in_time(beginning + gz(b"a" * (10 * MEGABYTE)) * 400)


def test_payloads_without_records_are_canceled_within_two_seconds():
    _is_cancelled_in_time(payloads(200))


def _is_cancelled_in_time(content):
    wanted = threading.Event()
    threading.Timer(0.3, wanted.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        parse(content, cancel=wanted.is_set)
    assert time.monotonic() - began < 2.3


def test_a_large_valid_archive_is_still_counted():
    flow = (SAMPLE / "flow.log").read_bytes()
    whole = parse_flow_log(SAMPLE / "flow.log").total.flows
    archive = zip_of(zipfile.ZIP_DEFLATED, *[flow] * 5_000)
    assert parse(archive).total.flows == 5_000 * whole
