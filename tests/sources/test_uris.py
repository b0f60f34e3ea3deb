"""A URI is told from a path, and the day in a key is the one that AWS wrote there."""

from datetime import date

import pytest

from flowtag_core.sources.uris import day_of, is_uri


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
        ("a/b.log", None),
        ("12026/11/23/a.log", None),
    ],
)
def test_the_day_in_a_key(key, day):
    assert day_of(key) == day
