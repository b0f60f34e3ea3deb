"""Credentials are found before any request to a store, and one sentence says what is missing."""

import json
import logging
import sys
import time

import pytest
from moto.server import ThreadedMotoServer

from flowtag_core.errors import LogError
from flowtag_core.sources import credentials
from flowtag_core.sources.credentials import access_for
from flowtag_core.sources.objects import Store
from tests.sources.bucket import Bucket, serving

SECRET = "a-secret-that-nobody-may-see"  # noqa: S105
KEYS = f"aws_access_key_id = AKIATEST\naws_secret_access_key = {SECRET}\n"


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch, tmp_path):
    """No variable is set, the home folder is empty, and the machine belongs to no cloud."""
    import os

    for name in os.environ:
        if name.startswith(("AWS_", "GOOGLE_", "GCE_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(credentials, "_dmi", lambda _: "")


@pytest.fixture
def aws(tmp_path):
    """A function that writes AWS's files in the home folder."""
    (tmp_path / ".aws").mkdir()

    def write(config, keys=""):
        (tmp_path / ".aws" / "config").write_text(config)
        (tmp_path / ".aws" / "credentials").write_text(keys)

    return write


def refusal(uri):
    """Return the sentence of the error, which must come within three seconds."""
    begun = time.monotonic()
    with pytest.raises(LogError) as failed:
        access_for(uri.partition(":")[0], uri)
    assert time.monotonic() - begun < 3
    assert SECRET not in f"{failed.value!r}"
    said = str(failed.value)
    assert said.startswith(f"{uri}: ")
    return said


@pytest.mark.parametrize(
    ("uri", "remedy"),
    [
        ("s3://b/", "no credentials were found. Set AWS_ACCESS_KEY_ID"),
        ("gs://b/", "no credentials were found. Set GOOGLE_APPLICATION_CREDENTIALS"),
        ("az://b/", "the storage account is not known. Set AZURE_STORAGE_ACCOUNT_NAME"),
    ],
)
def test_without_credentials_nothing_is_asked_and_the_remedy_fits_the_store(uri, remedy):
    assert remedy in refusal(uri)


def test_an_account_of_azure_without_a_key_is_refused(monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "logs")
    assert "Set AZURE_STORAGE_ACCOUNT_KEY" in refusal("az://b/")


@pytest.mark.parametrize(
    ("scheme", "given"),
    [
        *(("gs", {name: "x"}) for name in credentials._GOOGLE),
        ("gs", {"GOOGLE_SKIP_SIGNATURE": "true"}),
        *(("az", {"AZURE_STORAGE_ACCOUNT_NAME": "a", name: "x"}) for name in credentials._AZURE),
        ("az", {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_SKIP_SIGNATURE": "true"}),
        ("az", {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_USE_AZURE_CLI": "true"}),
        ("az", {"AZURE_STORAGE_USE_EMULATOR": "true"}),
        ("s3", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}),
        ("s3", {"AWS_SKIP_SIGNATURE": "true"}),
        ("s3", {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/a"}),
        (
            "s3",
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/a",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/a",
            },
        ),
        ("s3", {"AWS_METADATA_ENDPOINT": "http://127.0.0.1:9"}),
    ],
)
def test_each_variable_that_gives_credentials_is_enough(monkeypatch, scheme, given):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert access_for(scheme, f"{scheme}://b/").options == {}


@pytest.mark.parametrize(
    ("scheme", "name", "said"),
    [
        ("gs", "product_name", "Google Compute Engine"),
        ("s3", "sys_vendor", "Amazon EC2"),
        ("s3", "board_asset_tag", "i-0123456789abcdef0"),
        ("az", "chassis_asset_tag", credentials._AZURE_TAG),
    ],
)
def test_a_machine_of_the_provider_is_enough(monkeypatch, scheme, name, said):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "logs")
    monkeypatch.setattr(credentials, "_dmi", lambda asked: said if asked == name else "")
    assert access_for(scheme, f"{scheme}://b/").options == {}
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    if scheme == "s3":
        assert "no credentials were found" in refusal("s3://b/")


def test_the_file_of_gcloud_is_enough(tmp_path):
    file = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    assert access_for("gs", "gs://b/").options == {}
    with pytest.raises(LogError, match=r"^gs://b/: the credentials cannot be read\. Run: gcloud"):
        Store("gs://b/")


def test_half_of_the_keys_is_refused(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    assert "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set. Set both" in refusal(
        "s3://b/"
    )


@pytest.mark.parametrize("profile", ["default", "work"])
def test_a_profile_gives_credentials_a_region_and_an_endpoint(aws, monkeypatch, profile):
    section = "default" if profile == "default" else f"profile {profile}"
    aws(f"[{section}]\nregion = eu-west-3\nendpoint_url = http://127.0.0.1:9\n{KEYS}")
    if profile != "default":
        monkeypatch.setenv("AWS_PROFILE", profile)
    options, is_http = access_for("s3", "s3://b/")
    assert options["credential_provider"]()["secret_access_key"] == SECRET
    assert (options["region"], options["endpoint"]) == ("eu-west-3", "http://127.0.0.1:9")
    assert is_http
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:9")
    options, is_http = access_for("s3", "s3://b/")
    assert options.keys() == {"credential_provider"}
    assert options["credential_provider"].config == {}
    assert not is_http


def test_the_endpoint_of_the_service_comes_first(aws, monkeypatch):
    aws(
        f"[default]\nservices = mine\nendpoint_url = http://127.0.0.1:8\n{KEYS}"
        "[services mine]\ns3 =\n  endpoint_url = http://127.0.0.1:9\n"
    )
    assert access_for("s3", "s3://b/").options["endpoint"] == "http://127.0.0.1:9"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert "endpoint" not in access_for("s3", "s3://b/").options


def test_keys_in_the_environment_leave_the_region_to_the_profile(aws, monkeypatch):
    aws("[default]\nregion = eu-west-3\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert access_for("s3", "s3://b/").options == {"region": "eu-west-3"}
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert access_for("s3", "s3://b/").options == {}


SSO = "[profile work]\nsso_session = mine\nsso_account_id = 123456789012\nsso_role_name = reader\nregion = eu-west-1\n"
SESSION = "[sso-session mine]\nsso_region = eu-west-1\nsso_start_url = https://127.0.0.1:9/start\n"
PROCESS = "[profile work]\nregion = eu-west-1\ncredential_process = {}\n"
ROLE = (
    "[profile work]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/reader\n"
    f"source_profile = base\n[profile base]\n{KEYS}"
)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("", "there is no profile work. Choose another with AWS_PROFILE."),
        ("[profile work\n", "the profile work cannot be used (ConfigParseError). Check ~/.aws"),
        (
            SSO + SESSION,
            "the login of the profile work has expired. Run: aws sso login --profile work",
        ),
        (SSO, "the profile work cannot be used (InvalidConfigError)"),
        (PROCESS.format("/none/command"), "the source of credentials for the profile work"),
        (
            PROCESS.format(f"sh -c 'echo {SECRET} >&2; exit 3'"),
            "the source of credentials for the profile work fails. Check credential_process.",
        ),
        (PROCESS.format("echo no"), "the profile work cannot be used (JSONDecodeError)"),
        ("[profile work]\naws_access_key_id = A\n", "cannot be used (PartialCredentialsError)"),
        (
            "[profile work]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = none\n",
            "the profile work cannot be used (InvalidConfigError)",
        ),
    ],
)
def test_a_profile_that_gives_no_credentials_is_one_sentence(aws, monkeypatch, config, said):
    aws(config)
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert said in refusal("s3://b/")


def test_an_expired_token_of_sso_says_how_to_log_in(aws, monkeypatch, tmp_path):
    import hashlib

    aws(SSO + SESSION)
    monkeypatch.setenv("AWS_PROFILE", "work")
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    name = hashlib.sha1(b"mine", usedforsecurity=False).hexdigest()
    token = {"accessToken": SECRET, "expiresAt": "2020-01-01T00:00:00Z"}
    (cache / f"{name}.json").write_text(json.dumps(token))
    assert "Run: aws sso login --profile work" in refusal("s3://b/")


def test_a_command_gives_credentials(aws, monkeypatch):
    answer = json.dumps({"Version": 1, "AccessKeyId": "A", "SecretAccessKey": SECRET})
    aws(PROCESS.format(f"echo '{answer}'"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    options = access_for("s3", "s3://b/").options
    assert options["region"] == "eu-west-1"
    assert options["credential_provider"]()["secret_access_key"] == SECRET


def test_a_role_is_assumed_and_no_log_has_its_keys(aws, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    aws(ROLE.replace("region = eu-west-1\n", ""))
    try:
        provider = access_for("s3", "s3://b/").options["credential_provider"]
        assert provider()["token"]
        assert provider()["secret_access_key"] != SECRET
        for secret in (SECRET, provider()["token"], provider()["secret_access_key"]):
            assert secret not in caplog.text
        assert access_for("s3", "s3://other/").options["credential_provider"] is provider
        monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "other")
        assert access_for("s3", "s3://b/").options["credential_provider"] is not provider
    finally:
        server.stop()


def test_a_role_without_a_region_is_one_sentence(aws, monkeypatch):
    aws(ROLE.replace("region = eu-west-1\n", ""))
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    assert "the profile work has no region. Set AWS_REGION" in refusal("s3://b/")


def test_a_role_that_is_refused_or_cannot_be_asked_for_is_one_sentence(aws, monkeypatch):
    aws(ROLE)
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    assert "the source of credentials for the profile work cannot be reached" in refusal("s3://b/")
    with serving(Bucket()) as environment:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", environment["AWS_ENDPOINT_URL"])
        assert "the profile work is refused (AccessDenied)" in refusal("s3://b/")


def test_without_boto3_a_profile_asks_for_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert "no credentials were found" in refusal("s3://b/")
    (tmp_path / ".aws").mkdir()
    assert "needs boto3. Run: pip install boto3" in refusal("s3://b/")


def test_a_token_file_that_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/reader")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/none/token")
    assert "fails. Check AWS_WEB_IDENTITY_TOKEN_FILE." in refusal("s3://b/")


@pytest.mark.parametrize(
    ("scheme", "name"),
    [
        ("s3", "AWS_ENDPOINT_URL"),
        ("gs", "GOOGLE_BASE_URL"),
        ("az", "AZURE_STORAGE_ENDPOINT"),
        ("s3", "the endpoint_url of the profile"),
    ],
)
def test_an_endpoint_that_is_no_address_is_refused(aws, monkeypatch, scheme, name):
    for given in ("GOOGLE_BEARER_TOKEN", "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_TOKEN"):
        monkeypatch.setenv(given, "x")
    if "profile" in name:
        aws(f"[default]\nendpoint_url = nonsense\n{KEYS}")
    else:
        aws(f"[default]\n{KEYS}")
        monkeypatch.setenv(name, "nonsense")
    assert f"{name} is not an address such as https://store.example." in refusal(f"{scheme}://b/")
