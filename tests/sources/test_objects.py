"""Objects in a store are counted like files, each byte is fetched once, and each failure is one sentence."""

import gzip
import io
import os
import pickle
import sys
import time
from datetime import date

import pytest
from obstore.store import HTTPStore

from flowtag_core import load_lookup_table, parse_flow_log
from flowtag_core.commands.terminal import source_of
from flowtag_core.errors import LogError
from flowtag_core.sources import credentials, objects
from flowtag_core.sources.objects import ObjectSource, Store, content_of, ranges_of, requests_for
from flowtag_core.sources.places import logs_at
from flowtag_core.sources.uris import EVERY_DAY, Days
from tests.logs import LOOKUP, line
from tests.sources import bucket as store
from tests.sources.bucket import ENVIRONMENT

SECRET = ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]
LINES = b"\n".join([line(), b"short", line(dstport="25"), line(dstport="x")])


def test_objects_give_the_counts_faults_and_line_numbers_of_local_files(bucket, tmp_path):
    bucket.objects = {
        "a/1.log": LINES,
        "a/2.log.gz": gzip.compress(LINES),
        "a/deep/3.log": line(dstport="53"),
        "a/empty/": b"",
        "other/4.log": line(),
    }
    for key, content in bucket.objects.items():
        if content:
            path = tmp_path / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    there, here = parse_flow_log("s3://logs/a/"), parse_flow_log(str(tmp_path / "a"))
    for name in ("requests", "replies", "replies_by_service", "total"):
        assert getattr(there, name) == getattr(here, name)
    assert [(fault.line, fault.reason, fault.text) for fault in there.faults] == [
        (fault.line, fault.reason, fault.text) for fault in here.faults
    ]
    assert list(there.files) == [
        f"s3://logs/{key}" for key in ("a/1.log", "a/2.log.gz", "a/deep/3.log")
    ]
    assert parse_flow_log("s3://logs/a").total == there.total
    assert parse_flow_log("s3://logs/a/1.log").total.flows == 2


@pytest.mark.parametrize("packed", [False, True])
def test_each_byte_of_a_large_object_is_fetched_once(bucket, packed, monkeypatch):
    monkeypatch.setattr(objects, "_RANGE", 1 << 16)
    content = b"".join(line(dstport=str(port)) + b"\n" for port in range(1, 6_000))
    bucket.objects["big"] = gzip.compress(content) if packed else content
    assert parse_flow_log("s3://logs/big").requests == parse_flow_log(io.BytesIO(content)).requests
    assert bucket.sent["big"] == len(bucket.objects["big"])


def test_a_body_that_is_cut_is_asked_for_again(bucket):
    bucket.objects["a.log"] = (line() + b"\n") * 2_000
    bucket.cut.add("a.log")
    assert parse_flow_log("s3://logs/a.log").total.flows == 2_000


def test_more_objects_than_one_listing_has_are_all_found(bucket, monkeypatch):
    monkeypatch.setattr(store, "MOST_LISTED", 20)
    bucket.objects = {f"many/{number:05}.log": line() for number in range(70)}
    assert parse_flow_log("s3://logs/many/").total.flows == 70


@pytest.mark.parametrize(
    ("uri", "key", "refusal", "said"),
    [
        (
            "s3://nowhere/a/",
            "",
            None,
            "s3://nowhere/a/: there is no bucket nowhere (NoSuchBucket).",
        ),
        ("s3://logs/none", "", None, "s3://logs/none: there is no such object, and none under it."),
        ("s3://logs/", "", (403, "AccessDenied"), "access is denied (AccessDenied)."),
        ("s3://logs/", "", (403, "InvalidAccessKeyId"), "does not accept these credentials"),
        ("s3://logs/", "", (403, "SignatureDoesNotMatch"), "does not accept these credentials"),
        (
            "s3://logs/",
            "",
            (400, "ExpiredToken"),
            "does not accept these credentials (ExpiredToken)",
        ),
        ("s3://logs/", "", (301, "PermanentRedirect"), "is not in the region"),
        ("s3://logs/", "", (400, "AuthorizationHeaderMalformed"), "is not in the region"),
        (
            "s3://logs/Archived",
            "Archived",
            (403, "InvalidObjectState"),
            "is archived (InvalidObjectState)",
        ),
        (
            "s3://logs/a.log",
            "a.log",
            (403, "AccessDenied"),
            "a.log: access is denied (AccessDenied).",
        ),
        (
            "s3://logs/a.log",
            "a.log",
            (403, "InvalidAccessKeyId"),
            "(InvalidAccessKeyId). Renew them",
        ),
    ],
)
def test_each_failure_is_one_sentence_within_three_seconds(bucket, uri, key, refusal, said):
    bucket.objects = {"a.log": line(), "Archived": line()}
    if refusal:
        bucket.refusals[key] = refusal
    begun = time.monotonic()
    with pytest.raises(LogError) as failed:
        parse_flow_log(uri)
    assert said in str(failed.value)
    assert str(failed.value).startswith(uri)
    assert time.monotonic() - begun < 3
    secret = ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]
    assert (
        secret not in f"{failed.value!r} {failed.value.__cause__!r} {pickle.dumps(failed.value)!r}"
    )


def test_one_bad_object_under_a_prefix_is_reported_and_the_others_are_counted(bucket):
    bucket.objects = {f"a/{number}.log": line() for number in range(5)}
    bucket.refusals["a/3.log"] = (403, "InvalidObjectState")
    counts = parse_flow_log("s3://logs/a/")
    assert counts.total.flows == 4
    (damage,) = counts.total.damage
    assert "s3://logs/a/3.log: is archived" in damage


def test_an_object_that_changes_after_it_was_listed_is_named(bucket):
    bucket.objects["a.log"] = line()
    (log,) = logs_at("s3://logs/a.log")
    bucket.objects["a.log"] = line() * 2
    with pytest.raises(LogError, match="has changed since it was listed"):
        parse_flow_log(log)


def test_days_in_keys_leave_objects_out_before_they_are_read(bucket):
    from datetime import date

    bucket.objects = {f"a/2026/11/{day}/x.log": line() for day in (21, 22, 23, 24)}
    bucket.objects["a/undated.log"] = line()
    (log,) = logs_at("s3://logs/a/", days=Days(date(2026, 11, 22), date(2026, 11, 23)))
    assert [place.name for place in log.places] == [
        *(f"s3://logs/a/2026/11/{day}/x.log" for day in (22, 23)),
        "s3://logs/a/undated.log",
    ]
    del bucket.objects["a/undated.log"]
    with pytest.raises(LogError, match=r"has no files from these days\. Check --since and --until"):
        logs_at("s3://logs/a/", days=Days(date(2026, 12, 1)))


def test_a_lookup_can_be_an_object(bucket):
    bucket.objects["lookup.csv"] = LOOKUP
    lookup = load_lookup_table(source_of("s3://logs/lookup.csv"))
    assert (lookup.name, len(lookup)) == ("s3://logs/lookup.csv", 4)
    with pytest.raises(LogError, match="there is no such object"):
        content_of("s3://logs/nothing.csv")


def test_a_source_can_be_reread_from_any_place(bucket):
    content = bytes(range(256)) * 300
    bucket.objects["a"] = content
    (log,) = logs_at("s3://logs/a")
    source = log.places[0].open()
    assert isinstance(source, ObjectSource)
    assert b"".join(source.pieces()) == content
    for place in (0, 1, 70_000, len(content)):
        assert b"".join(source.again(place)) == content[place:]
    assert source.whole() is None
    assert [each.behind for each in ranges_of([objects.Object("a", 5_000_000, None)])] == [
        *(4_194_304, 5_000_000),
    ]


def test_without_credentials_or_a_library_the_remedy_is_named(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(credentials, "_is_on_ec2", lambda: False)
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(LogError, match=r"no credentials were found\. Set AWS_ACCESS_KEY_ID"):
        logs_at("s3://logs/a/")
    monkeypatch.setenv("AWS_PROFILE", "work")
    with pytest.raises(LogError, match=r"a profile needs boto3\. Run: pip install boto3"):
        logs_at("s3://logs/a/")
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(LogError, match=r"needs obstore\. Run: pip install obstore"):
        logs_at("s3://logs/a/")


def test_the_beginning_of_an_object_is_one_request_for_that_much(bucket):
    bucket.objects = {"a/1": LINES, "a/2": b"x" * 100_000}
    (log,) = logs_at("s3://logs/a/")
    assert [place.beginning(1_000) for place in log.places] == [LINES[:1_000], b"x" * 1_000]
    assert bucket.sent == {"a/1": min(len(LINES), 1_000), "a/2": 1_000}


def test_as_many_requests_are_expected_as_there_are_ranges():
    for size in (1, 8 << 20, (8 << 20) + 1, 20_000_000):
        assert requests_for(size) == len(ranges_of([objects.Object("a", size, None)]))


@pytest.fixture
def google(bucket, monkeypatch):
    """The same bucket as Google serves it, with the same XML."""
    monkeypatch.setenv("GOOGLE_BASE_URL", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", SECRET)
    return bucket


def test_a_bucket_of_google_is_listed_and_read(google):
    google.objects = {"a/1.log": LINES, "a/b/2.log": line()}
    counts = parse_flow_log("gs://logs/a/")
    assert list(counts.files) == ["gs://logs/a/1.log", "gs://logs/a/b/2.log"]
    assert counts.total.flows == 3
    assert parse_flow_log("gs://logs/a/1.log").total.flows == 2
    (log,) = logs_at("gs://logs/a/1.log")
    google.objects["a/1.log"] = line()
    with pytest.raises(LogError, match="has changed since it was listed"):
        parse_flow_log(log)


@pytest.mark.parametrize(
    ("uri", "refusal", "said"),
    [
        ("gs://nowhere/a/", None, "there is no bucket nowhere (NoSuchBucket)."),
        ("gs://logs/none", None, "there is no such object, and none under it."),
        ("gs://logs/", (403, "AccessDenied"), "need the role Storage Object Viewer."),
        ("gs://logs/", (401, "AuthenticationRequired"), "Run: gcloud auth application-default"),
    ],
)
def test_each_failure_of_google_is_one_sentence(google, uri, refusal, said):
    if refusal:
        google.refusals[""] = refusal
    begun = time.monotonic()
    with pytest.raises(LogError) as failed:
        parse_flow_log(uri)
    assert said in str(failed.value)
    assert SECRET not in f"{failed.value!r}"
    assert time.monotonic() - begun < 3


@pytest.fixture
def web(bucket, monkeypatch):
    """The bucket as a web server. It has no TLS, so https:// stands for http:// here."""
    server = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")

    def opened(url, client_options, retry_config):
        assert url.startswith("https://")
        return HTTPStore(
            f"http{url.removeprefix('https')}",
            client_options={**client_options, "allow_http": True},
            retry_config=retry_config,
        )

    monkeypatch.setattr("obstore.store.HTTPStore", opened)
    bucket.root = f"https://{server}/logs/"
    return bucket


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_pre_signed_url_is_read_and_its_signature_never_shown(web, monkeypatch, is_whole):
    monkeypatch.setattr(objects, "_RANGE", 1 << 12)
    web.is_whole = is_whole
    web.objects["a b.log"] = (line() + b"\n") * (20 if is_whole else 2_000)
    counts = parse_flow_log(f"{web.root}a%20b.log?X-Amz-Signature={SECRET}")
    assert list(counts.files) == [f"{web.root}a%20b.log"]
    assert counts.total.flows == (20 if is_whole else 2_000)
    assert {command for command, *_ in web.requests} == {"GET"}
    assert web.queries == {f"X-Amz-Signature={SECRET}"}
    assert SECRET not in repr(counts.files)
    assert content_of(f"{web.root}a%20b.log?x={SECRET}").name == f"{web.root}a%20b.log"


def test_a_url_that_gives_no_file_is_one_sentence(web):
    web.objects = {"a.log": line(), "empty": b"", "big": bytes(5_000_000)}
    web.refusals["secret.log"] = (403, "AccessDenied")
    for key, said in {
        "": "is not a file. Check the URL; https:// reads single files, and cannot list.",
        "none": "there is no such file (404). Check the URL; https:// reads single files",
        "secret.log": "access is denied (AccessDenied). A pre-signed URL may have expired.",
    }.items():
        with pytest.raises(LogError) as failed:
            parse_flow_log(f"{web.root}{key}?X-Amz-Signature={SECRET}")
        assert str(failed.value).startswith(f"{web.root}{key}: {said}")
        assert SECRET not in f"{failed.value!r} {pickle.dumps(failed.value)!r}"
        # The error of the store has the signature in it, and some libraries pickle it with ours.
        assert failed.value.__context__ is failed.value.__cause__ is None
    assert content_of(f"{web.root}empty").read() == b""
    web.is_whole = True
    with pytest.raises(LogError, match="sends only whole files, and this one is too large"):
        parse_flow_log(f"{web.root}big")


@pytest.mark.parametrize("tag", ['W/"1"', None])
def test_a_file_that_changes_is_named_however_weak_its_version_is(web, tag):
    web.tag = tag
    web.objects["a.log"] = line()
    assert parse_flow_log(f"{web.root}a.log").total.flows == 1
    (log,) = logs_at(f"{web.root}a.log")
    web.objects["a.log"] = line() + b"\n" + line()
    with pytest.raises(LogError, match="has changed since it was listed"):
        parse_flow_log(log)


def test_a_server_that_is_not_there_cannot_be_reached():
    begun = time.monotonic()
    with pytest.raises(LogError, match=r"^https://127\.0\.0\.1:9/a: the store cannot be reached"):
        parse_flow_log("https://127.0.0.1:9/a?b")
    assert time.monotonic() - begun < 3


@pytest.mark.usefixtures("bucket")
def test_a_store_is_not_pickled_and_its_look_has_no_secret():
    store = Store("s3://logs/")
    with pytest.raises(TypeError, match="Send its URI"):
        pickle.dumps(store)
    assert SECRET not in f"{store!r} {store._store!r}"


def test_an_empty_object_is_named_and_an_empty_folder_is_not(bucket):
    bucket.objects = {"a/": b"", "a/deep/": b"", "a/empty.log.gz": b"", "a/x.log": line()}
    for days in (EVERY_DAY, Days(date(2026, 11, 23))):
        (log,) = logs_at("s3://logs/a/", days=days)
        assert [place.name for place in log.places] == [
            "s3://logs/a/empty.log.gz",
            "s3://logs/a/x.log",
        ]
    assert "s3://logs/a/empty.log.gz" in parse_flow_log("s3://logs/a/").files
