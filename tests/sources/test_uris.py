"""A URI is told from a path, and the day in a key is the one that AWS wrote there."""

from datetime import date

import pytest

from flowtag_core.errors import LogError
from flowtag_core.sources.uris import (
    Days,
    day_of,
    is_day_folder,
    is_earlier,
    is_uri,
    other_uri,
    parts_of,
    remedy_for,
    shown,
)


@pytest.mark.parametrize(
    "path", ["s3://b/", "s3://b", "S3://b/k", "gs://b/k", "az://c/k", "https://h/k"]
)
def test_uris(path):
    assert is_uri(path)


@pytest.mark.parametrize(
    "path", ["a.log", "-", "s3:/b", "./s3://b/", "file:///x", "http://h/k", "s3://", "logs/*"]
)
def test_everything_else_is_a_path(path):
    assert not is_uri(path)


@pytest.mark.parametrize(
    ("key", "day"),
    [
        (
            "AWSLogs/123/vpcflowlogs/eu-west-1/2026/11/23/123_vpcflowlogs_fl-0a_20261123T1005Z_0b.log.gz",
            date(2026, 11, 23),
        ),
        ("a/year=2026/month=11/day=23/hour=10/b.parquet", date(2026, 11, 23)),
        ("123456789012_vpcflowlogs_fl-0a_20261123T1005Z_0b1c.log.gz", date(2026, 11, 23)),
        ("2026/11/23/a.log", date(2026, 11, 23)),
        ("s3://bucket/2026/11/23/a.log", date(2026, 11, 23)),
        ("2026/13/45/a.log", None),
        # The folder says more than the name, and the first one more than those in it.
        ("2026/11/27/1_vpcflowlogs_20261128T0000Z_a.log", date(2026, 11, 27)),
        ("2026/11/27/2026/11/28/a.log", date(2026, 11, 27)),
        ("2026/99/27/2026/11/28/a.log", date(2026, 11, 28)),
        ("a/b.log", None),
        ("12026/11/23/a.log", None),
    ],
)
def test_the_day_in_a_key(key, day):
    assert day_of(key) == day


@pytest.mark.parametrize(
    ("folder", "is_day", "is_over"),
    [
        ("a/2026/11/23/", True, False),
        ("year=2026/month=11/day=23/", True, False),
        ("a/2026/13/23/", False, False),
        ("a/2026/11/23/hour=1/", False, False),
        ("a/2026/10/", False, True),
        ("a/2026/11/", False, False),
        ("2025/", False, True),
        ("year=2025/month=12/", False, True),
        ("a/2026/", False, False),
        ("a/", False, False),
    ],
)
def test_the_folder_of_a_day_and_of_a_time_that_is_over(folder, is_day, is_over):
    assert is_day_folder(folder) == is_day
    assert is_earlier(folder, date(2026, 11, 23)) == is_over


def test_days_have_what_is_of_them_and_what_has_no_day():
    days = Days(date(2026, 11, 22), date(2026, 11, 23))
    names = [f"a/2026/11/{day}/x" for day in (21, 22, 23, 24)]
    assert [days.have(name) for name in [*names, "a/x"]] == [False, True, True, False, True]


@pytest.mark.parametrize(
    "uri",
    [
        "s3://KEY:hidden@bucket/a/",
        "s3://KEY:hid/den@bucket/a/",
        "https://me:hidden@host/a.log",
        "https://hidden@host:443/a.log",
        "az://account:hidden/a",
    ],
)
def test_a_password_in_a_uri_is_refused_and_not_repeated(uri):
    with pytest.raises(LogError, match=r"contains a name or a password") as failed:
        parts_of(uri)
    assert "hid" not in str(failed.value)
    assert "hid" not in shown(uri)


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("S3://b/a/b?c", ("S3://b/a/b?c", "s3", "b", "a/b?c", "")),
        ("https://h/a%20b?c=d/e", ("https://h/a%20b", "https", "h", "a%20b", "?c=d/e")),
        ("https://h:8443/a", ("https://h:8443/a", "https", "h:8443", "a", "")),
        ("https://[::1]:8443/a#b", ("https://[::1]:8443/a", "https", "[::1]:8443", "a", "#b")),
        ("https://h?a=b", ("https://h", "https", "h", "", "?a=b")),
    ],
)
def test_the_query_of_a_url_is_not_shown(uri, parts):
    assert parts_of(uri) == parts
    assert shown(uri) == parts[0]


def test_an_arn_is_refused_by_name():
    with pytest.raises(LogError, match=r"^s3://arn:aws:s3:::b/a/: is an ARN\. Write the name"):
        parts_of("s3://arn:aws:s3:::b/a/")


def test_a_path_is_shown_as_it_is():
    assert shown("logs/a?b.log") == "logs/a?b.log"
    with pytest.raises(LogError, match="is not a URI"):
        parts_of("logs/a.log")


@pytest.mark.parametrize(
    ("typed", "remedy"),
    [
        ("s3://b/AWSLogs/*/x.gz", "A bucket has no patterns; write s3://b/AWSLogs/"),
        ("s3://b/a?", "A bucket has no patterns; write s3://b/"),
        ("s3://b/a/", "Check the URI."),
        ("https://h/a?b=c", "Check the URI."),
        ("arn:aws:s3:::b/AWSLogs/", "Write s3://b/AWSLogs/"),
        ("logs/a.log", "Check the path."),
    ],
)
def test_what_is_nearly_a_uri_is_told_how_to_write_it(typed, remedy):
    assert remedy_for(typed) == remedy


def test_a_page_of_the_console_is_refused_by_name():
    for host in ("s3.console.aws.amazon.com", "eu-west-1.console.aws.amazon.com"):
        with pytest.raises(LogError, match=r"is a page of AWS's console\. Write s3://bucket"):
            parts_of(f"https://{host}/s3/buckets/logs?region=eu-west-1")


@pytest.mark.parametrize(
    ("typed", "scheme"),
    [
        ("http://h/a?X-Amz-Signature=hidden", "http"),
        ("https:/h/a?sig=hidden", "https"),
        (" https://h/a", "https"),
        ("abfss://c@h/a", "abfss"),
        ("s3:/b/a", "s3"),
        ("s3a://b/a", "s3a"),
        ("s3://b/a", ""),
        ("C:/logs/a.log", ""),
        ("logs/a:/b", ""),
    ],
)
def test_another_kind_of_uri_is_told_from_a_path(typed, scheme):
    assert other_uri(typed) == scheme


@pytest.mark.parametrize(
    "uri", ["az://c/b?sv=1&sig=hidden", "s3://b/k?X-Amz-Signature=hidden", "gs://b/k?sig=hidden"]
)
def test_a_signature_where_none_can_be_is_refused_and_not_repeated(uri):
    with pytest.raises(
        LogError, match="has a signature in it, which only an https:// URL"
    ) as failed:
        parts_of(uri)
    assert "hidden" not in str(failed.value)
    assert parts_of("s3://b/what?.log").key == "what?.log"
