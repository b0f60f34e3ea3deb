"""An address opens the same file on another machine, if that has it, and contains no credentials."""

import io
import pickle

import pytest

from flowtag_core.errors import LogError
from flowtag_core.sources.addresses import Address, address_of, places_at, store_of
from flowtag_core.sources.places import log_of, logs_at
from tests.sources.bucket import ENVIRONMENT, Bucket, serving


def content(place):
    source = place.open()
    try:
        return b"".join(source.pieces())
    finally:
        source.close()


def places(path):
    return [place for log in logs_at(str(path)) for place in log.places]


def test_an_address_of_a_relative_path_is_absolute_and_keeps_the_name(tmp_path, monkeypatch):
    (tmp_path / "a.log").write_bytes(b"some lines")
    monkeypatch.chdir(tmp_path)
    address = address_of(places("a.log")[0])
    assert (address.name, address.where) == ("a.log", str(tmp_path / "a.log"))
    monkeypatch.chdir("/")
    (place,) = places_at([address])
    assert (place.name, content(place), place.content()) == ("a.log", b"some lines", b"some lines")


def test_objects_and_files_are_opened_in_the_order_of_their_addresses(tmp_path, monkeypatch):
    (tmp_path / "a.log").write_bytes(b"a file")
    bucket = Bucket()
    bucket.objects = {"a": b"object a", "b/c": b"object c"}
    with serving(bucket) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        one, other = map(address_of, places("s3://logs/"))
        file = address_of(places(tmp_path)[0])
        sent = pickle.dumps([one, file, other])
        assert not any(value.encode() in sent for value in list(ENVIRONMENT.values())[:2])
        found = [content(place) for place in places_at(pickle.loads(sent))]  # noqa: S301
    assert found == [b"object a", b"a file", b"object c"]


def test_what_only_this_process_can_open_has_no_address():
    (place,) = log_of(io.BytesIO(b"an upload")).places
    assert address_of(place) is None


def test_a_file_that_is_missing_or_has_another_size_is_refused(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"some")
    (place,) = places_at([address_of(places(path)[0])])
    path.write_bytes(b"some more")
    with pytest.raises(LogError, match=r"has 9 bytes on the worker .*, and 4 where"):
        place.open()
    path.unlink()
    with pytest.raises(LogError, match=rf"no such file on the worker .* Put it at {path}"):
        place.open()


def test_a_worker_without_credentials_is_named(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(LogError, match=r"no credentials were found.*This is about the worker "):
        store_of(Address("a", "s3://somewhere/a", 1))
