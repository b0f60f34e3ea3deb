"""`flowtag plan` shows what counting would take: it reads little, its numbers fit the logs, and it shows prices."""

import gzip
import json
import os
import zipfile

import pytest

from flowtag_core.commands.plan import run as plan
from flowtag_core.reading.sample import MOST_BYTES
from tests.commands.made import on_posix, run
from tests.logs import line, text
from tests.shapes.made import as_json, messages, parquet

RECORDS = [line(dstport=str(port), volume=str(port * port)) for port in range(1, 30_000, 3)]
TEXT = text(RECORDS)


def planned(capsys, *words):
    code = plan([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_objects_bytes_requests_and_shapes_are_those_of_the_bucket(bucket, capsys):
    json_lines = b"\n".join(as_json({"message": record}) for record in messages(RECORDS))
    bucket.objects = {
        "a/2026/11/21/big.log": TEXT * 12,
        "a/2026/11/22/x.log.gz": gzip.compress(TEXT * 6),
        "a/2026/11/23/x.json": json_lines,
        "a/2026/11/23/x.parquet": parquet(RECORDS),
        "a/empty/": b"",
    }
    code, told = planned(capsys, "s3://logs/a/")
    sizes = [len(content) for content in bucket.objects.values() if content]
    assert code == 0
    assert (told["files"], told["objects"], told["bytes"]) == (4, 4, sum(sizes))
    assert told["requests"] == {"GET": sum(-(-size // (4 << 20)) for size in sizes), "LIST": 1}
    assert told["requests"]["GET"] > 4
    assert told["days"] == ["2026-11-21", "2026-11-23"]
    assert sorted((each["shape"], each["packing"]) for each in told["sample"]) == [
        ("JSON", ""),
        ("Parquet", ""),
        ("text", ""),
        ("text", "gzip"),
    ]
    assert told["messages"] == []
    assert set(told["dollars"]) == {"requests", "processor_time", "transfer", "athena"}


def test_at_most_256_kb_of_eight_objects_are_fetched(bucket, capsys):
    bucket.objects = {f"a/{number:03}.log": TEXT for number in range(300)}
    bucket.objects["a/huge.log"] = TEXT * 30
    code, told = planned(capsys, "s3://logs/a/")
    assert (code, told["files"]) == (0, 301)
    assert len(bucket.sent) == len(told["sample"]) <= 8
    assert max(bucket.sent.values()) == MOST_BYTES
    assert "a/huge.log" in bucket.sent
    asked = [wanted for call, key, wanted in bucket.requests if key and call == "GET"]
    assert all(wanted == f"bytes=0-{MOST_BYTES - 1}" for wanted in asked)


def test_days_leave_out_objects_that_are_not_counted_either(bucket, capsys):
    bucket.objects = {f"a/2026/11/{day}/x.log": TEXT for day in (21, 22, 23)}
    code, told = planned(capsys, "s3://logs/a/", "--since", "2026-11-22", "--until", "2026-11-22")
    assert (code, told["files"], told["bytes"]) == (0, 1, len(TEXT))
    assert set(bucket.sent) == {"a/2026/11/22/x.log"}


def test_an_object_that_cannot_be_read_is_named_and_the_exit_code_is_1(bucket, capsys):
    bucket.objects = {"a/1.log": TEXT, "a/2.log": TEXT, "a/read.me": b"%PDF-1.7"}
    bucket.refusals["a/2.log"] = (403, "InvalidObjectState")
    assert plan(["s3://logs/a/"]) == 1
    out, err = capsys.readouterr()
    assert "2 of 3  cannot be counted, see below\n" in out
    assert "1 of 3  text\n" in out
    assert "s3://logs/a/2.log: is archived (InvalidObjectState)" in err
    assert "s3://logs/a/read.me: is a PDF document" in err


@pytest.mark.parametrize(
    ("words", "refusal", "said"),
    [
        (["s3://logs/none/"], None, "there is no such object, and none under it"),
        (["s3://logs/a/"], (403, "AccessDenied"), "access is denied (AccessDenied)"),
        (["s3://nowhere/"], None, "there is no bucket nowhere"),
        (["s3://logs/a/1.pdf"], None, "is a PDF document"),
        (["s3://logs/a/", "--since", "2027-01-01"], None, "access is denied"),
    ],
)
def test_a_store_that_refuses_gives_its_sentence_and_2(bucket, words, refusal, said):
    bucket.objects = {"a/2026/11/21/1.log": TEXT, "a/1.pdf": b"%PDF-1.7"}
    if refusal or "--since" in words:
        bucket.refusals[""] = (403, "AccessDenied")
    done = run("plan", *words, env=dict(os.environ))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"flowtag: s3://")
    assert said in done.stderr.decode()


def test_the_lines_for_a_person_name_everything(bucket, capsys):
    bucket.objects = {f"a/2026/11/{day}/x.log.gz": gzip.compress(TEXT) for day in range(10, 30)}
    assert plan(["s3://logs/a/"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("20 objects, ")
    for said in (
        "2026-11-10 to 2026-11-29.",
        "7 of 7  text, gzip  unpacks to about ",
        "from the model in docs/planning.md",
        "Requests        1 LIST, 20 GET",
        "Time            about 0.",
        "Athena          under $0.0001  for one query",
        "if the machine is outside the bucket's region",
    ):
        assert said in out
    assert max(map(len, out.splitlines())) <= 80


def test_local_logs_have_no_requests_and_no_prices(tmp_path, capsys):
    for number in range(3):
        (tmp_path / f"{number}.log.gz").write_bytes(gzip.compress(TEXT))
    assert plan([str(tmp_path / "*.gz")]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("3 files, ")
    assert "LIST" not in out
    assert "$" not in out
    code, told = planned(capsys, str(tmp_path))
    assert (code, told["files"], told["dollars"], told["objects"]) == (0, 3, None, 0)
    assert told["unpacked_bytes"] == pytest.approx(3 * len(TEXT))


def test_a_format_is_used_for_the_sample(tmp_path, capsys):
    (tmp_path / "a.log").write_bytes(b"443 6 ACCEPT\n" * 50)
    assert planned(capsys, str(tmp_path))[0] == 1
    assert planned(capsys, str(tmp_path), "--format", "dstport protocol action")[0] == 0
    done = run("plan", tmp_path, "--format", "version action")
    assert (done.returncode, done.stdout) == (2, b"")


@on_posix
@pytest.mark.parametrize("pipe", [True, False])
def test_what_can_be_read_only_once_has_no_plan(tmp_path, pipe):
    path = "-"
    if pipe:
        path = tmp_path / "pipe"
        os.mkfifo(path)
    done = run("plan", path, input=TEXT)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"can be read only once, so there is no plan for it. Name a file." in done.stderr


def test_a_large_zip_archive_is_taken_for_text_and_that_is_said(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.log", TEXT)
    assert plan([str(tmp_path / "a.zip")]) == 0
    told = capsys.readouterr().out
    assert "1 of 1  shape unknown, zip  unpacks to about 5.4 times its size (assumed)\n" in told
