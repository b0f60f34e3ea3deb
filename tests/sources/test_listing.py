"""A listing of some days finds the same objects as a listing of everything, with far fewer requests."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowtag_core.errors import StoreError
from flowtag_core.sources import listing
from flowtag_core.sources.listing import Listing
from flowtag_core.sources.objects import Store
from flowtag_core.sources.uris import EVERY_DAY, Days
from tests.sources.bucket import Bucket, serving

FOLDERS = ("", "AWSLogs/1/eu/", "AWSLogs/2/us/", "hive/aws-region=eu/", "x/2026/11/")
DAYS = [date(2026, 10, 30) + timedelta(days) for days in range(4)]


@pytest.fixture(scope="module")
def bucket():
    bucket = Bucket()
    with serving(bucket) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield bucket


def keys():
    plain = st.builds("{:%Y/%m/%d}/".format, st.sampled_from(DAYS))
    hive = st.builds("year={0:%Y}/month={0:%m}/day={0:%d}/".format, st.sampled_from(DAYS))
    folder = st.one_of(plain, hive, st.sampled_from(["", "2026/", "2026/11/", "2026/13/45/"]))
    name = st.sampled_from(["a.log", "hour=01/b.log", "c/d.log"])
    return st.builds("{}{}{}".format, st.sampled_from(FOLDERS), folder, name)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(keys(), max_size=12), st.sampled_from(DAYS), st.integers(-1, 2))
def test_some_days_are_those_of_a_listing_of_everything(bucket, found, first, more):
    bucket.objects = dict.fromkeys(found, b"x")
    days = Days(first, None if more < 0 else first + timedelta(more))
    folders = Listing(Store("s3://logs/"))
    for _ in range(2):
        assert [each.key for each in folders.objects(days)] == sorted(filter(days.have, found))
    assert [each.key for each in folders.objects(EVERY_DAY)] == sorted(found)


def test_days_and_folders_that_are_over_are_not_asked_for_again(bucket):
    begun = date(2024, 1, 1)
    dates = [begun + timedelta(days) for days in range(1_065)]
    bucket.objects = {f"AWSLogs/1/eu/{day:%Y/%m/%d}/x.log": b"x" for day in dates}
    folders, wanted = Listing(Store("s3://logs/AWSLogs/")), Days(date(2026, 11, 29))
    asked = []
    for _ in range(2):
        bucket.requests.clear()
        assert len(folders.objects(wanted)) == 2
        asked.append(len(bucket.requests))
    # Three folders above the years, the years, all 35 months, and the two days; then only one year and one month.
    assert asked == [3 + 3 + 35 + 2, 3 + 1 + 1 + 2]
    bucket.objects["AWSLogs/1/eu/2026/12/01/y.log"] = b"x"
    assert len(folders.objects(wanted)) == 3


def test_a_new_day_month_and_year_are_found_after_a_time_without_any(bucket):
    bucket.objects = {"a/2025/11/23/x.log": b"x", "a/2026/11/23/x.log": b"x"}
    folders = Listing(Store("s3://logs/a/"))
    assert folders.objects(Days(date(2026, 11, 24))) == []
    for day in (date(2026, 11, 25), date(2026, 12, 1), date(2027, 1, 1)):
        bucket.objects[f"a/{day:%Y/%m/%d}/x.log"] = b"x"
        (found,) = folders.objects(Days(day))
        assert f"{day:%Y/%m/%d}" in found.key


def test_a_key_that_comes_late_in_an_old_folder_is_found_in_the_end(bucket, monkeypatch):
    monkeypatch.setattr(listing, "_FORGOTTEN", 3)
    bucket.objects = {"a/2026/10/01/x.log": b"x", "a/2026/11/29/x.log": b"x"}
    folders, wanted = Listing(Store("s3://logs/a/")), Days(date(2026, 11, 29))
    assert len(folders.objects(wanted)) == 1
    bucket.objects["a/2026/10/undated.log"] = b"x"
    assert [len(folders.objects(wanted)) for _ in range(2)] == [1, 2]


def test_with_too_many_folders_all_keys_are_listed(bucket, monkeypatch):
    monkeypatch.setattr(listing, "_MOST_FOLDERS", 10)
    bucket.objects = {f"{number}/a.log": b"x" for number in range(40)}
    bucket.requests.clear()
    assert len(Listing(Store("s3://logs/")).objects(Days(DAYS[0]))) == 40
    assert len(bucket.requests) == 2


def test_a_listing_that_fails_says_why(bucket):
    bucket.objects = {"2026/11/29/a.log": b"x"}
    bucket.refusals = {"": (403, "AccessDenied")}
    try:
        with pytest.raises(StoreError, match=r"s3://logs/: access is denied \(AccessDenied\)"):
            Listing(Store("s3://logs/")).objects(Days(DAYS[0]))
    finally:
        bucket.refusals.clear()
