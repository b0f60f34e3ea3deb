"""Install the wheel in an environment without the checkout, and run its command and its page."""

import os
import re
import socket
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

import flowtag_core
from tests.commands.made import run
from tests.conftest import ROOT, SAMPLE, answering, free_port
from tests.test_journeys import SAMPLE_TAGS, wait_for_tags

ELSEWHERE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build a wheel of this checkout, and return its path."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(folder), str(ROOT)], check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def command(wheel, tmp_path_factory):
    """Install the wheel where its dependencies, but not this checkout, can be imported; return its command."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    is_windows = sys.platform == "win32"
    programs = home / ("Scripts" if is_windows else "bin")
    python = programs / ("python.exe" if is_windows else "python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout
    Path(site.strip(), "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps"]
    subprocess.run([*install, "--no-index", str(wheel)], check=True, capture_output=True)
    return programs / ("flowtag.exe" if is_windows else "flowtag")


def test_the_wheel_contains_the_page_and_its_settings_once_and_no_other_top_level_module(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        for name in ("dashboard.py", ".streamlit/config.toml"):
            (found,) = (each for each in names if each.endswith(f"/{Path(name).name}"))
            assert found.startswith("flowtag_core/page/served/")
            assert packed.read(found) == (ROOT / name).read_bytes()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"flowtag_core", f"flowtag-{flowtag_core.__version__}.dist-info"}


def test_the_wheel_contains_every_file_of_the_package(wheel):
    package = ROOT / "flowtag_core"
    files = [path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    assert {path.relative_to(ROOT).as_posix() for path in files} <= names


def test_the_installed_command_gives_the_same_result_as_the_checkout(command, tmp_path):
    told = subprocess.run(
        [command, "--version"], cwd=tmp_path, env=ELSEWHERE, check=True, capture_output=True
    )
    assert told.stdout.decode() == f"flowtag {flowtag_core.__version__}\n"
    words = [SAMPLE / "flow.log", SAMPLE / "lookup.csv", "result.csv"]
    done = subprocess.run(
        [command, *words], cwd=tmp_path, env=ELSEWHERE, check=True, capture_output=True
    )
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "result.csv").read_bytes() == run(*words[:2], "-").stdout


def test_the_page_opens_from_any_folder_for_this_machine_only(command, tmp_path, browser):
    """Another project's Streamlit settings, in the folder where the page is started, change nothing."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(
        '[server]\naddress = "0.0.0.0"\nallowedHosts = ["*"]\n[client]\nshowErrorDetails = "full"\n'
    )
    port = free_port()
    words = [command, "page", SAMPLE / "flow.log", "--lookup", SAMPLE / "lookup.csv"]
    options = ["--port", str(port), "--no-browser"]
    with answering([*words, *options], tmp_path, port, cwd=tmp_path, env=ELSEWHERE) as server:
        tab = browser.new_page()
        tab.goto(f"http://127.0.0.1:{port}")
        wait_for_tags(tab, *SAMPLE_TAGS)
        tab.close()
        stranger = urllib.request.Request(
            f"http://127.0.0.1:{port}/", headers={"Host": "flows.example.com"}
        )
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(stranger, timeout=20)
        for address in addresses_of_this_machine():
            with socket.socket() as other:
                other.settimeout(5)
                assert other.connect_ex((address, port)) != 0
        assert server.poll() is None
    said = (tmp_path / "server.log").read_text()
    assert re.search(rf"http://127\.0\.0\.1:{port}\b", said)


def addresses_of_this_machine():
    """Return the address of this machine in its network, in a list that is empty without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(("192.0.2.1", 9))  # This sends nothing; it only chooses the address.
        except OSError:
            return []
        return [route.getsockname()[0]]
