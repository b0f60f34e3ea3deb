"""The code for the browser is in files that an installed package has too."""

import tomllib

from flowtag_core.page.component import component
from tests.conftest import ROOT

BROWSER = ROOT / "flowtag_core" / "page" / "browser"


def test_every_file_of_a_component_belongs_to_a_script():
    assert component("tab")
    scripts = {path.stem for path in BROWSER.glob("*.js")}
    assert {path.stem for path in BROWSER.iterdir()} == scripts


def test_the_package_has_the_files_of_the_components():
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())
    data = project["tool"]["setuptools"]["package-data"]["flowtag_core"]
    assert "page/browser/*" in data
