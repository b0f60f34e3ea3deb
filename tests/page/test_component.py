"""The code for the browser is in separate files, named by component."""

from flowtag_core.page.component import component
from tests.conftest import ROOT

BROWSER = ROOT / "flowtag_core" / "page" / "browser"


def test_every_file_of_a_component_belongs_to_a_script():
    assert component("tab")
    scripts = {path.stem for path in BROWSER.glob("*.js")}
    assert {path.stem for path in BROWSER.iterdir()} == scripts
