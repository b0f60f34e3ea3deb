"""Finds the credentials, the region and the endpoint for a store, before any request to it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Hashable
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from flowtag_core.errors import LogError
from flowtag_core.sources.store_errors import remedy_for_none

_GOOGLE: Final = (
    *("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH", "GOOGLE_SERVICE_ACCOUNT_KEY"),
    *("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_BEARER_TOKEN"),
    *("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"),
)
_AZURE: Final = (
    *("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_MASTER_KEY"),
    *("AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_TOKEN"),
    *("AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"),
    *("AZURE_MSI_ENDPOINT", "AZURE_IDENTITY_ENDPOINT"),
)
"""Where obstore takes credentials from. Without any of these, it asks an address that exists only in that cloud."""
_AZURE_TAG: Final = "7783-7084-3265-9085-8269-3286-77"
"""The asset tag of every Azure machine. Source: Microsoft's cloud-init data source."""
_FRESH: Final = timedelta(minutes=5)
"""How long credentials are used before boto3 is asked again; it renews them ten minutes before they expire."""
_TALKATIVE: Final = ("auth", "endpoint", "httpchecksum", "parsers", "regions")
"""The loggers of botocore whose debug messages contain tokens and keys."""


class Access(NamedTuple):
    """How to open a store: options for obstore, and whether the endpoint has no TLS."""

    options: dict[str, Any]
    is_http: bool


def access_for(scheme: str, uri: str) -> Access:
    """Return how to open a store. Raises LogError if there are no credentials; no request goes to the store."""
    if scheme == "s3":
        return _for_amazon(uri)
    if scheme == "gs":
        return _for_google(uri)
    return _for_azure(uri)


def _for_google(uri: str) -> Access:
    if not (
        _is_on("GOOGLE_SKIP_SIGNATURE")
        or _is_given(*_GOOGLE)
        or os.path.exists(_google_file())
        or _dmi("product_name").startswith("Google")
    ):
        raise _none(uri, "gs")
    return Access({}, _is_http(uri, "GOOGLE_BASE_URL"))


def _google_file() -> str:
    """Return the path of the file that `gcloud auth application-default login` writes."""
    folder = os.environ.get("APPDATA") if os.name == "nt" else os.path.expanduser("~/.config")
    return os.path.join(folder or "", "gcloud", "application_default_credentials.json")


def _for_azure(uri: str) -> Access:
    if _is_on("AZURE_STORAGE_USE_EMULATOR"):
        return Access({}, is_http=True)
    if not _is_given("AZURE_STORAGE_ACCOUNT_NAME"):
        raise LogError(
            f"{uri}: the storage account is not known. Set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY "
            "or AZURE_STORAGE_SAS_TOKEN."
        )
    if not (
        _is_on("AZURE_SKIP_SIGNATURE")
        or _is_on("AZURE_USE_AZURE_CLI")
        or _is_given(*_AZURE)
        or _dmi("chassis_asset_tag") == _AZURE_TAG
    ):
        raise _none(uri, "az")
    return Access({}, _is_http(uri, "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"))


def _for_amazon(uri: str) -> Access:
    options: dict[str, Any] = {}
    session = None
    if _is_given("AWS_ACCESS_KEY_ID") != _is_given("AWS_SECRET_ACCESS_KEY"):
        raise LogError(
            f"{uri}: only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set. Set both, or neither."
        )
    if not _has_keys():
        session = _profile(uri)
        if session is not None:
            options["credential_provider"] = session.provider
        elif not (_is_given("AWS_WEB_IDENTITY_TOKEN_FILE") or _is_on_ec2()):
            raise _none(uri, "s3")
    if not _is_given("AWS_REGION") and not _is_given("AWS_DEFAULT_REGION"):
        region = session.region if session is not None else _region_of_profile()
        if region:
            options["region"] = region
    if _is_given("AWS_ENDPOINT_URL_S3") or _is_given("AWS_ENDPOINT_URL"):
        return Access(options, _is_http(uri, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
    if session is None or not session.endpoint:
        return Access(options, is_http=False)
    options["endpoint"] = session.endpoint
    return Access(options, _has_no_tls(uri, "the endpoint_url of the profile", session.endpoint))


def _has_keys() -> bool:
    """Whether obstore finds credentials in the environment, or needs none."""
    return (
        _is_on("AWS_SKIP_SIGNATURE")
        or _is_given("AWS_ACCESS_KEY_ID")
        or _is_given("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        # obstore reads the token from a file only; boto3 takes it from a variable too.
        or all(
            map(
                _is_given,
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
            )
        )
    )


class _Profile(NamedTuple):
    """The settings of a profile: what provides its credentials, its region and its endpoint."""

    provider: Any
    region: str | None
    endpoint: str | None


def _profile(uri: str) -> _Profile | None:
    """Return what boto3 finds, or None if it finds no credentials. Raises LogError if they cannot be used."""
    if find_spec("boto3") is None:
        if _is_given("AWS_PROFILE") or os.path.exists(os.path.expanduser("~/.aws")):
            raise LogError(
                f"{uri}: reading credentials from a profile needs boto3. Run: pip install boto3"
            )
        return None
    from botocore.exceptions import BotoCoreError, ClientError
    from obstore.auth.boto3 import Boto3CredentialProvider

    state = _state()
    if state in _KNOWN:
        return _KNOWN[state]
    try:
        session = _session()
        found = session.get_credentials()
        if found is None:
            return None
        found.get_frozen_credentials()  # Only here does a role, SSO or a command refuse.
        provider = Boto3CredentialProvider(session, ttl=_FRESH)
        provider.config = {}  # Its region would override AWS_REGION.
        known = _Profile(provider, session.region_name, _endpoint_of(session))
    except (BotoCoreError, ClientError, OSError, ValueError, KeyError) as error:
        raise LogError(f"{uri}: {_on_profile(error)}") from None
    _KNOWN.clear()
    _KNOWN[state] = known
    return known


_KNOWN: Final[dict[Hashable, _Profile]] = {}
"""The last answer of the profile: each log is opened separately, and a role may ask for a code each time."""


def _state() -> Hashable:
    """Return a value that changes with AWS's variables and files."""
    said = [(name, value) for name, value in os.environ.items() if name.startswith("AWS_")]
    changed = []
    for name, file in (
        ("AWS_CONFIG_FILE", "config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
    ):
        path = os.environ.get(name) or os.path.expanduser(f"~/.aws/{file}")
        try:
            changed.append((path, os.stat(path).st_mtime_ns))
        except OSError:
            changed.append((path, 0))
    return *sorted(said), *changed


def _session() -> Any:
    """Return a boto3 session that waits only a short time, and does not ask for the role of an EC2 instance.

    obstore asks for that role, and only on EC2: elsewhere, the request would leave the machine for nothing.
    """
    import boto3
    import botocore.session
    from botocore.config import Config

    for name in _TALKATIVE:
        logging.getLogger(f"botocore.{name}").setLevel(logging.INFO)
    session = botocore.session.Session()
    session.set_default_client_config(
        Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
    )
    # boto3 reads only AWS_DEFAULT_REGION, and a request for a role needs a region.
    if _is_given("AWS_REGION"):
        session.set_config_variable("region", os.environ["AWS_REGION"])
    session.get_component("credential_provider").remove("iam-role")
    return boto3.session.Session(botocore_session=session)


def _region_of_profile() -> str | None:
    """Return the region in AWS's settings, or None; the credentials come from elsewhere."""
    file = os.environ.get("AWS_CONFIG_FILE") or os.path.expanduser("~/.aws/config")
    if find_spec("boto3") is None or not os.path.isfile(file):
        return None
    from botocore.exceptions import BotoCoreError

    with suppress(BotoCoreError):
        return str(_session().region_name or "") or None
    return None


def _endpoint_of(session: Any) -> str | None:
    """Return the endpoint for S3 that a profile names, which obstore does not read."""
    if _is_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return None
    settings = session._session.full_config  # noqa: SLF001  (boto3 has no public way)
    profile = settings.get("profiles", {}).get(session.profile_name, {})
    services = settings.get("services", {}).get(profile.get("services"), {})
    said = services.get("s3", {}).get("endpoint_url") or profile.get("endpoint_url")
    return str(said) if said else None


_KINDS: Final = {
    "ProfileNotFound": "there is no profile {profile}. Choose another with AWS_PROFILE.",
    "NoRegionError": "the profile {profile} has no region. Set AWS_REGION to the bucket's region.",
}


def _on_profile(error: Exception) -> str:
    """Return a sentence about a profile without usable credentials; the error's own text may contain secrets."""
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnectionError

    kind = type(error).__name__
    profile = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"
    if kind in _KINDS:
        return _KINDS[kind].format(profile=profile)
    if "SSO" in kind or kind in {"TokenRetrievalError", "UnauthorizedException"}:
        return f"the login of the profile {profile} has expired. Run: aws sso login --profile {profile}"
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        return f"the profile {profile} is refused ({code}). Check its role and its keys."
    if isinstance(error, (HTTPClientError, NoConnectionError)):
        return f"the source of credentials for the profile {profile} cannot be reached. Check the network."
    if kind == "CredentialRetrievalError" or isinstance(error, OSError):
        source = "AWS_WEB_IDENTITY_TOKEN_FILE"
        source = source if _is_given(source) else "credential_process"
        return f"the source of credentials for the profile {profile} fails. Check {source}."
    return f"the profile {profile} cannot be used ({kind}). Check ~/.aws/config."


def _is_on_ec2() -> bool:
    """Whether this is an EC2 machine, which gives credentials to the programs on it."""
    if _is_on("AWS_EC2_METADATA_DISABLED"):
        return False
    if _is_given("AWS_METADATA_ENDPOINT"):
        return True
    return _dmi("sys_vendor").startswith("Amazon EC2") or _dmi("board_asset_tag").startswith("i-")


def _dmi(name: str) -> str:
    """Return what the firmware says under a name, such as who built the machine; empty if it says nothing."""
    try:
        with open(f"/sys/class/dmi/id/{name}", encoding="ascii", errors="replace") as text:
            return text.read(100).strip()
    except OSError:
        return ""


def _is_given(*names: str) -> bool:
    return any(os.environ.get(name) for name in names)


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def _is_http(uri: str, *names: str) -> bool:
    """Whether the first of these variables that is set is an address without TLS. Raises LogError if it is no address."""
    name = next((name for name in names if os.environ.get(name)), "")
    return bool(name) and _has_no_tls(uri, name, os.environ[name])


def _has_no_tls(uri: str, name: str, endpoint: str) -> bool:
    if not re.match(r"https?://[\w.\[-]", endpoint):  # Anything else would crash obstore.
        raise LogError(
            f"{uri}: {name} is not an address such as https://store.example. Correct or remove it."
        )
    return endpoint.startswith("http://")


def _none(uri: str, scheme: str) -> LogError:
    return LogError(f"{uri}: no credentials were found. {remedy_for_none(scheme)}")
