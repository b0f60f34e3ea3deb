"""Asks for the region of a bucket, which S3 reveals even to a request in another region."""

from __future__ import annotations

import re
from typing import Final
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

_ASKED: Final = re.compile(r"Error performing \w+ (https?://[^/\s?]+)/")
_REGION: Final = re.compile(r"[a-z0-9-]{1,30}")
_SECONDS: Final = 2


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: the header with the region is in the first answer."""

    def redirect_request(self, *_: object) -> None:
        """Return None, which makes the answer an error."""


def region_of(bucket: str, error: BaseException) -> str:
    """Return the region of a bucket if obstore was redirected, or empty if the server does not reveal it.

    obstore drops the headers and the body of a redirect. This request is not signed, so it needs no credentials.
    """
    told = str(error)
    found = _ASKED.search(told)
    if found is None or "redirect without LOCATION" not in told:
        return ""
    request = Request(f"{found[1]}/{quote(bucket)}", method="HEAD")  # noqa: S310  (https, or what the user named)
    try:
        with build_opener(_Stay).open(request, timeout=_SECONDS) as answer:
            said = answer.headers.get("x-amz-bucket-region", "")
    except HTTPError as answer:
        said = answer.headers.get("x-amz-bucket-region", "")
        answer.close()
    except OSError:
        return ""
    return said if _REGION.fullmatch(said) else ""
