"""A store gives the counts, faults and line numbers of local files, for every case and every packing.

The store is moto, a server on loopback that speaks S3 as AWS does. Its authors are not those of flowtag.
"""

import gzip
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import replace

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from moto.server import ThreadedMotoServer

from flowtag_core import parse_flow_log
from flowtag_core.commands.verbs import run as main
from flowtag_core.errors import FlowtagError
from flowtag_core.reading.evidence import look
from flowtag_core.sources import objects
from flowtag_core.sources.places import logs_at
from tests.commands.made import on_posix
from tests.conftest import ROOT, SAMPLE
from tests.logs import LOOKUP, line
from tests.sources.bucket import ENVIRONMENT, Bucket, serving
from tests.test_cases import CASES, log_of

BUCKET = "company-logs"
LINES = b"".join(
    (line(dstport=str(1 + n % 9_000)) if n % 97 else b"no flow") + b"\n" for n in range(40_000)
)


@pytest.fixture(scope="module")
def store():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        client = boto3.client("s3")
        client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield client
    server.stop()


def put(store, root, prefix):
    """Put a file, or every file below a folder, into the store; return the URI."""
    files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
    for path in files:
        key = prefix if root.is_file() else f"{prefix}/{path.relative_to(root).as_posix()}"
        store.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    return f"s3://{BUCKET}/{prefix}{'' if root.is_file() else '/'}"


def everything(counts, where):
    """Return everything in the counts, with names that do not show where the files were."""
    return (
        [getattr(counts, name) for name in ("requests", "replies", "replies_by_service")],
        [(each.file.removeprefix(where), *each[1:]) for each in counts.faults],
        {
            # The size is what was read: only what is needed of an archive or a Parquet file on disk.
            name.removeprefix(where): repr(replace(each, size=0)).replace(where, "")
            for name, each in counts.files.items()
        },
    )


def counted(path, where):
    try:
        return everything(parse_flow_log(str(path)), where)
    except FlowtagError as error:
        return str(error).replace(where, "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_every_case_gives_the_same_from_a_store(store, case):
    log = log_of(case)
    uri = put(store, log, f"cases/{case.parent.name}/{case.name}/{log.name}")
    there, here = counted(uri, uri.rstrip("/")), counted(log, str(log))
    assert there == here


def zipped(content):
    with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", content)
        archive.writestr("deep/b.log.gz", gzip.compress(content))
    return file.getvalue()


def tarred(content):
    with tarfile.open(fileobj=(file := io.BytesIO()), mode="w:gz") as archive:
        entry = tarfile.TarInfo("a.log")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def parquet(_):
    table = pa.table(
        {
            "dstport": pa.array(range(1, 30_001), pa.int32()),
            "srcport": pa.array([50_000] * 30_000, pa.int32()),
            "protocol": pa.array([6] * 30_000, pa.int32()),
            "start": pa.array([1_700_000_000] * 30_000, pa.int64()),
            "packets": pa.array([1] * 30_000, pa.int64()),
            "bytes": pa.array([40] * 30_000, pa.int64()),
            "log-status": ["OK"] * 30_000,
        }
    )
    pq.write_table(table, file := io.BytesIO(), row_group_size=5_000)
    return file.getvalue()


PACKED = {
    "plain.log": lambda content: content,
    "a.log.gz": gzip.compress,
    "two.log.gz": lambda content: gzip.compress(content[:-10]) + gzip.compress(content),
    "a.zst": zstandard.compress,
    "a.zip": zipped,
    "a.tar.gz": tarred,
    "a.parquet": parquet,
    "cut.log.gz": lambda content: gzip.compress(content)[:-50],
    "no.log": lambda _: b"\x89PNG\r\n\x1a\n" + bytes(300),
}


@pytest.mark.parametrize("length", [1 << 22, 1 << 16])
@pytest.mark.parametrize("name", PACKED)
def test_every_packing_gives_the_same_however_it_is_cut_into_ranges(
    store, tmp_path, monkeypatch, name, length
):
    monkeypatch.setattr(objects, "_RANGE", length)
    path = tmp_path / name
    path.write_bytes(PACKED[name](LINES))
    uri = put(store, path, f"packed/{name}")
    assert counted(uri, uri) == counted(path, str(path))


def test_a_prefix_gives_what_the_folder_gives_and_so_does_a_second_look(store, tmp_path):
    for name, pack in PACKED.items():
        (tmp_path / "2026/11/23").mkdir(parents=True, exist_ok=True)
        (tmp_path / "2026/11/23" / name).write_bytes(pack(LINES))
    uri = put(store, tmp_path, "days")
    assert counted(uri, uri) == counted(tmp_path, f"{tmp_path}/")
    there, here = (look(where, internal="10.0.0.0/8") for where in (uri, str(tmp_path)))
    for name in ("pairs", "sources", "by_port", "total"):
        rows = [list(map(str, getattr(found, name).flows)) for found in (there, here)]
        assert rows[0] == rows[1]
        assert rows[0]
    assert [each[1:] for each in there.samples] == [each[1:] for each in here.samples]


def test_the_command_line_reads_logs_and_lookup_from_a_store(store, tmp_path, capsys):
    store.put_object(Bucket=BUCKET, Key="lookup.csv", Body=LOOKUP)
    store.put_object(Bucket=BUCKET, Key="cmd/2026/11/23/a.log", Body=LINES)
    store.put_object(Bucket=BUCKET, Key="cmd/2026/11/24/a.log", Body=LINES)
    lookup, one, output = (
        f"s3://{BUCKET}/lookup.csv",
        f"s3://{BUCKET}/cmd/",
        tmp_path / "there.csv",
    )
    assert main([one, lookup, str(output), "--until", "2026-11-23"]) == 0
    (tmp_path / "a.log").write_bytes(LINES)
    (tmp_path / "lookup.csv").write_bytes(LOOKUP)
    here = tmp_path / "here.csv"
    assert main([str(tmp_path / "a.log"), str(tmp_path / "lookup.csv"), str(here)]) == 0
    assert output.read_bytes() == here.read_bytes()
    capsys.readouterr()
    assert main(["who", one, "--port", "443/tcp", "--json"]) == 0
    assert "10.0.0.1" in capsys.readouterr().out


def test_a_profile_gives_the_credentials(store, tmp_path, monkeypatch):
    (tmp_path / "credentials").write_text(
        "[work]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = another-secret\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    store.put_object(Bucket=BUCKET, Key="profile/a.log", Body=line())
    assert parse_flow_log(f"s3://{BUCKET}/profile/a.log").total.flows == 1
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(FlowtagError, match="AWS_PROFILE") as failed:
        parse_flow_log(f"s3://{BUCKET}/profile/a.log")
    assert "another-secret" not in repr(failed.value)


def test_a_profile_names_the_region_and_the_store_and_assumes_a_role(store, tmp_path, monkeypatch):
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/reader\nsource_profile = base\n"
        f"region = eu-central-1\nendpoint_url = {endpoint}\n"
        "[profile base]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = another-secret\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    store.put_object(Bucket=BUCKET, Key="role/a.log", Body=line())
    assert parse_flow_log(f"s3://{BUCKET}/role/").total.flows == 1


def test_ten_thousand_keys_are_listed_in_a_few_seconds(monkeypatch):
    bucket = Bucket()
    bucket.objects = {f"a/{number:05}.log": b"x" for number in range(10_000)}
    with serving(bucket) as environment:
        monkeypatch.setenv("AWS_ENDPOINT_URL", environment["AWS_ENDPOINT_URL"])
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        begun = time.monotonic()
        (log,) = logs_at("s3://logs/a/")
        assert len(log.places) == 10_000
        assert time.monotonic() - begun < 10


def test_a_key_with_an_empty_folder_in_it_is_one_sentence(store):
    store.put_object(Bucket=BUCKET, Key="odd/a//b.log", Body=line())
    with pytest.raises(FlowtagError) as failed:
        parse_flow_log(f"s3://{BUCKET}/odd/")
    assert str(failed.value) == (
        f"s3://{BUCKET}/odd/: a key under it has an empty part (//), a part . or .., or a control character, "
        "so the prefix cannot be listed. Choose a prefix without such a key."
    )


@on_posix
def test_ctrl_c_ends_a_listing_that_hangs_at_once(tmp_path):
    bucket = Bucket()
    bucket.objects = {f"a/{number}.log": line() for number in range(40)}
    bucket.slow = {"": 20}
    command = [sys.executable, "-m", "flowtag_core", "s3://logs/a/", str(SAMPLE / "lookup.csv")]
    with serving(bucket) as environment:
        running = subprocess.Popen(
            [*command, str(tmp_path / "result.csv")],
            cwd=ROOT,
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
        )
        while not bucket.requests:
            time.sleep(0.01)
        begun = time.monotonic()
        running.send_signal(signal.SIGINT)
        said = running.communicate()[1]
    assert time.monotonic() - begun < 3
    assert (running.returncode, said) == (130, b"flowtag: stopped before it was done.\n")
    assert not (tmp_path / "result.csv").exists()
