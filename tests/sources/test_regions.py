"""The region of a bucket is asked for only after a redirect."""

import pytest

from flowtag_core.errors import LogError
from flowtag_core.sources.objects import Store
from flowtag_core.sources.regions import region_of
from tests.sources.bucket import Bucket, serving


def redirect(server):
    return OSError(
        f"Generic S3 error: Error performing GET {server}/logs?list-type=2 in 1ms - Received redirect without LOCATION"
    )


@pytest.mark.parametrize(
    ("region", "remedy"),
    [
        ("eu-west-3", "(301). Set AWS_REGION=eu-west-3."),
        ("<b>", "(301). Set AWS_REGION to the bucket's region."),
        ("", "(301). Set AWS_REGION to the bucket's region."),
    ],
)
def test_the_region_of_a_bucket_is_in_the_sentence(monkeypatch, region, remedy):
    bucket = Bucket()
    bucket.region = region
    bucket.refusals[""] = (301, "PermanentRedirect")
    with serving(bucket) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(LogError) as failed:
            Store("s3://logs/a/").check("a/")
    assert str(failed.value) == (
        f"s3://logs/a/: the bucket is not in the region eu-central-1 {remedy}"
    )


def test_without_a_redirect_or_an_answer_there_is_no_region():
    with serving(bucket := Bucket()) as environment:
        server = environment["AWS_ENDPOINT_URL"]
        assert region_of("logs", OSError(f"Error performing GET {server}/logs in 1ms - 403")) == ""
        assert bucket.requests == []
        assert region_of("logs", redirect(server)) == ""
        assert [command for command, *_ in bucket.requests] == ["HEAD"]
    assert region_of("logs", redirect("http://127.0.0.1:9")) == ""
