"""A store's error -> one sentence, with the store's own code and the remedy for that kind of store."""

from __future__ import annotations

import os
import re
from typing import Final, NamedTuple

_CHANGED: Final = "has changed since it was listed{shown}. Run the command again."
_CODE: Final = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS: Final = re.compile(r"\bstatus code: (\d{3})\b")
_REGION: Final = re.compile(r"<Region>([a-z0-9-]{1,30})</Region>")
_ENDPOINT: Final = re.compile(
    r"<Endpoint>[\w.-]{0,80}?\bs3[.-]([a-z]{2}-[a-z0-9-]{1,25})\.amazonaws\.com"
)
"""A region in the body of S3's answer to a request that went to another one."""
_DETAILS: Final = "\n\nDebug source:"
"""The text before it is obstore's message; the text after it, for developers, has each error that led to it."""
_URL: Final = re.compile(r"https?://\S+")
"""The addresses in an error. They contain keys, so no word is searched for there."""
_FETCHING: Final = re.compile(
    r"Error performing \w+ http://[^/\s]+/(?:latest/(?:api/token|meta-data/)|computeMetadata/|metadata/identity/)"
    r"|Error performing \w+ http://169\.254\.|token request|External \w+ credential provider"
)
"""A request for credentials, before the one to the store."""


class _Remedies(NamedTuple):
    """The words for one kind of store: its name for a bucket, and what to do if it refuses."""

    bucket: str
    none: str
    wrong: str
    denied: str
    reach: str


_KEYS: Final = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
_AZURE: Final = "AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, or AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID"
_REMEDIES: Final = {
    "s3": _Remedies(
        "bucket",
        f"{_KEYS}; AWS_SKIP_SIGNATURE=true reads a public bucket.",
        "Renew them, or choose others with AWS_PROFILE.",
        "These credentials need s3:ListBucket and s3:GetObject.",
        "the URI, the network, and AWS_ENDPOINT_URL",
    ),
    "gs": _Remedies(
        "bucket",
        "Set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run: gcloud auth application-default login. "
        "GOOGLE_SKIP_SIGNATURE=true reads a public bucket.",
        "Run: gcloud auth application-default login. Or set GOOGLE_APPLICATION_CREDENTIALS to another key file.",
        "These credentials need the role Storage Object Viewer.",
        "the URI and the network",
    ),
    "az": _Remedies(
        "container",
        f"Set {_AZURE}; AZURE_USE_AZURE_CLI=true uses those of az login, and AZURE_SKIP_SIGNATURE=true reads a "
        "public container.",
        "Check AZURE_STORAGE_ACCOUNT_NAME, and the key or SAS token that is set for it.",
        "The key or SAS token may be wrong or expired, or these credentials need the role Storage Blob Data Reader.",
        "the URI, the network, and AZURE_STORAGE_ACCOUNT_NAME",
    ),
    "https": _Remedies(
        "server",
        "Give a pre-signed URL.",
        "Give a pre-signed URL, since flowtag sends no password.",
        "A pre-signed URL may have expired.",
        "the URL and the network",
    ),
}
_SENTENCES: Final[tuple[tuple[set[str], str], ...]] = (
    (
        {"NoSuchBucket", "ContainerNotFound"},
        "there is no {remedies.bucket} {bucket}{shown}. Check its name.",
    ),
    (
        {
            *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"),
            *("AuthenticationFailed", "NoAuthenticationInformation", "InvalidAuthenticationInfo"),
            *("401", "UnauthenticatedError"),
        },
        "the store does not accept these credentials{shown}. {remedies.wrong}",
    ),
    (
        {"RequestTimeTooSkewed", "RequestExpired"},
        "the clock of this machine differs from the store's{shown}. Set the clock.",
    ),
    (
        {"InvalidObjectState", "BlobArchived"},
        "is archived{shown} and cannot be read as it is. Restore it first, or leave it out with --since.",
    ),
    (
        {
            "PermanentRedirect",
            "AuthorizationHeaderMalformed",
            "301",
            "IllegalLocationConstraintException",
        },
        "{region}",
    ),
    (
        {"PreconditionFailed", "ConditionNotMet", "PreconditionError", "412"},
        _CHANGED,
    ),
    (
        {"NoSuchKey", "BlobNotFound", "NotFoundError", "FileNotFoundError", "404"},
        "there is no such object{shown}. Check the URI.",
    ),
    (
        {"AccessDenied", "AllAccessDisabled", "PermissionDeniedError", "PermissionError", "403"},
        "access is denied{shown}. {remedies.denied}",
    ),
    ({"SlowDown", "ServerBusy", "429", "503"}, "the store is too busy{shown}. Try again later."),
    (
        {"NotSupportedError"},
        "the server sends only whole files, and this one is too large for that. Download it first.",
    ),
)


_ODD_KEY: Final = (
    "a key under it has an empty part (//), a part . or .., or a control character, so the prefix cannot be listed. "
    "Choose a prefix without such a key."
)
_NOT_READ: Final = "the credentials cannot be read. {remedies.wrong}"
_SLOW: Final = "the store does not answer in time. Check the network, and try again."
_WORDS: Final = {
    "encountered object with invalid path": _ODD_KEY,
    "contained empty path segment": _ODD_KEY,
    "az account get-access-token": "the Azure CLI has no credentials. Run: az login",
    "invalid access key": _NOT_READ,
    "service account": _NOT_READ,
    "credential": _NOT_READ,
    "InvalidCertificate": "the server's certificate is not valid. Check the URI.",
    "kind: Timeout": _SLOW,
    "TimedOut": _SLOW,
    "kind: Connect": "the store cannot be reached. Check {remedies.reach}.",
    "timed out": _SLOW,
}
"""Words in obstore's message, in lower case, or in its details, and what they mean. The first one found counts."""
_UNKNOWN: Final = "the store's answer cannot be used. Check the URI, and try again."


def remedy_for_none(scheme: str) -> str:
    """Return what to set if there are no credentials for a kind of store."""
    return _REMEDIES[scheme].none


def sentence_on(
    error: BaseException, scheme: str, bucket: str, asked: str = "", right: str = ""
) -> str:
    """Return what went wrong; only a code, a status and a region are taken from the error itself.

    `asked` is the region that was asked, unless a variable names it; `right` is the bucket's region if it is known.
    """
    told, _, details = str(error).partition(_DETAILS)
    code = found[1] if (found := _CODE.search(told)) else ""
    status = found[1] if (found := _STATUS.search(told)) else ""
    shown = f" ({code or status})" if code or status else ""
    remedies = _REMEDIES[scheme]
    if _FETCHING.search(told):
        return f"no credentials were received{shown}. {remedies.none}"
    known = {code, status, type(error).__name__} - {""}
    said = next((each for names, each in _SENTENCES if known & names), None)
    if "redirect without LOCATION" in told:
        return _on_region(told, asked, right, " (301)")
    if said is None:
        return _other(_URL.sub("", told).lower(), _URL.sub("", details), remedies)
    elsewhere = _on_region(told, asked, right, shown)
    return said.format(bucket=bucket, shown=shown, remedies=remedies, region=elsewhere)


def _on_region(told: str, asked: str, right: str, shown: str) -> str:
    """Return a sentence about a bucket in another region, which S3 names in some answers."""
    found = _REGION.search(told) or _ENDPOINT.search(told)
    right = right or (found[1] if found else "")
    asked = asked or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    was = asked or "us-east-1, which is the default"
    remedy = f"AWS_REGION={right}" if right else "AWS_REGION to the bucket's region"
    return f"the bucket is not in the region {was}{shown}. Set {remedy}."


def _other(told: str, details: str, remedies: _Remedies) -> str:
    """Return a sentence about an error without a code."""
    both = f"{told}\n{details}"
    said = next((said for word, said in _WORDS.items() if word in both), _UNKNOWN)
    return said.format(remedies=remedies)


def on_change() -> str:
    """Return the sentence about an object that is no longer the one that was listed."""
    return _CHANGED.format(shown="")


def has_status(error: BaseException, status: int) -> bool:
    """Whether a store answered with a status, such as 416."""
    found = _STATUS.search(str(error))
    return found is not None and int(found[1]) == status


def is_cut(error: BaseException) -> bool:
    """Whether an answer began but did not end, so that trying again may help."""
    told, _, details = str(error).partition(_DETAILS)
    if _CODE.search(told) or _STATUS.search(told) or "kind: Connect" in details:
        return False
    words = _URL.sub("", told + details).lower()
    return any(
        each in words for each in ("decoding", "body", "incomplete", "eof", "reset", "closed")
    )
