"""Each answer of a store becomes one sentence with a remedy for that kind of store, and without the store's words."""

import pytest

from flowtag_core.sources.store_errors import has_status, is_cut, on_change, sentence_on


def answer(body, status=403, where="https://b.example/?list-type=2"):
    """Return an error in the words of obstore."""
    return OSError(
        f"Generic S3 error: Error performing GET {where} in 2ms - Server returned non-2xx status code: {status} No: "
        f"{body}\n\nDebug source:\nGeneric {{ retry_timeout: 20s, connect token credential }}"
    )


def code(name, more=""):
    return f"<Error><Code>{name}</Code><Message>hidden</Message>{more}</Error>"


def failed(details, where="https://credential.example/token"):
    """Return an error for a request without an answer."""
    return OSError(
        f"Generic S3 error: Error performing GET {where} in 2ms, retry_timeout: 20s  - HTTP error: error sending "
        f"request\n\nDebug source:\n{details}"
    )


@pytest.mark.parametrize(
    ("scheme", "error", "said"),
    [
        (
            "s3",
            answer(code("AccessDenied")),
            "is denied (AccessDenied). These credentials need s3:",
        ),
        (
            "gs",
            answer(code("AccessDenied")),
            "(AccessDenied). These credentials need the role Storage",
        ),
        (
            "az",
            answer(code("AuthorizationPermissionMismatch")),
            "the role Storage Blob Data Reader.",
        ),
        ("https", answer(code("AccessDenied")), "A pre-signed URL may have expired."),
        (
            "s3",
            answer(code("ExpiredToken"), 400),
            "(ExpiredToken). Renew them, or choose others with",
        ),
        (
            "gs",
            answer("", 401),
            "these credentials (401). Run: gcloud auth application-default login.",
        ),
        (
            "az",
            answer(code("AuthenticationFailed")),
            "Check AZURE_STORAGE_ACCOUNT_NAME, and the key",
        ),
        (
            "https",
            answer("", 401),
            "(401). Give a pre-signed URL, since flowtag sends no password.",
        ),
        ("gs", answer(code("NoSuchBucket"), 404), "there is no bucket logs (NoSuchBucket). Check"),
        ("az", answer(code("ContainerNotFound"), 404), "there is no container logs (Container"),
        ("az", answer(code("BlobNotFound"), 404), "there is no such object (BlobNotFound)."),
        ("az", answer(code("BlobArchived"), 409), "is archived (BlobArchived) and cannot be read"),
        (
            "az",
            answer(code("ConditionNotMet"), 412),
            "has changed since it was listed (ConditionNotMet)",
        ),
        ("az", answer(code("ServerBusy"), 503), "the store is too busy (ServerBusy)."),
        (
            "s3",
            failed("kind: Connect ConnectionRefused"),
            "cannot be reached. Check the URI, the network, and AWS",
        ),
        ("az", failed("kind: Connect dns error"), "the network, and AZURE_STORAGE_ACCOUNT_NAME."),
        (
            "https",
            failed("kind: Connect InvalidCertificate(UnknownIssuer)"),
            "certificate is not valid.",
        ),
        ("https", failed("kind: Timeout"), "does not answer in time."),
        ("https", failed("kind: Connect TimedOut"), "does not answer in time."),
        (
            "s3",
            failed("kind: Connect", "http://127.0.0.1:9/latest/api/token"),
            "no credentials were received. Set AWS_ACCESS_KEY_ID",
        ),
        (
            "s3",
            answer("", 404, "http://127.0.0.1:9/latest/meta-data/iam/security-credentials"),
            "no credentials were received (404). Set AWS_ACCESS_KEY_ID",
        ),
        (
            "gs",
            OSError(
                "Generic GCS error: Error performing token request: Error performing GET http://x/"
            ),
            "no credentials were received. Set GOOGLE_APPLICATION_CREDENTIALS",
        ),
        (
            "gs",
            OSError("Unable to decode service account file: hidden"),
            "credentials cannot be read.",
        ),
        (
            "az",
            OSError("Invalid Access Key: hidden"),
            "the credentials cannot be read. Check AZURE",
        ),
        ("az", OSError("'az account get-access-token' command failed: hidden"), "Run: az login"),
        (
            "s3",
            OSError("<Code>RequestTimeTooSkewed</Code> status code: 403"),
            "the clock of this machine differs from the store's (RequestTimeTooSkewed). Set",
        ),
        ("https", OSError("something else"), "the store's answer cannot be used."),
    ],
)
def test_the_remedy_fits_the_store(scheme, error, said):
    sentence = sentence_on(error, scheme, "logs")
    assert said in sentence
    assert "hidden" not in sentence


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            answer(code("AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"), 400),
            " (AuthorizationHeaderMalformed). Set AWS_REGION=eu-central-1.",
        ),
        (
            answer(
                code("PermanentRedirect", "<Endpoint>b.s3.eu-west-3.amazonaws.com</Endpoint>"), 301
            ),
            " (PermanentRedirect). Set AWS_REGION=eu-west-3.",
        ),
        (
            OSError("Generic S3 error: Received redirect without LOCATION, wrong region"),
            " (301). Set AWS_REGION to the bucket's region.",
        ),
    ],
)
def test_the_region_is_named_if_the_store_names_it(monkeypatch, error, remedy):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    begun = "the bucket is not in the region"
    assert sentence_on(error, "s3", "b") == f"{begun} us-east-1, which is the default{remedy}"
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert sentence_on(error, "s3", "b") == f"{begun} us-west-2{remedy}"
    assert sentence_on(error, "s3", "b", "us-west-1") == f"{begun} us-west-1{remedy}"


def test_what_can_be_asked_again_is_told_from_what_cannot():
    assert is_cut(OSError("error decoding response body"))
    assert not is_cut(answer(code("AccessDenied")))
    assert not is_cut(failed("kind: Connect, connection closed"))
    assert not is_cut(failed("", "https://body.example/closed"))
    assert has_status(answer("", 416), 416)
    assert not has_status(OSError("416"), 416)
    assert on_change() == "has changed since it was listed. Run the command again."
