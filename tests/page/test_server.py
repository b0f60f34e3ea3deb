"""The page's server finds its script and settings wherever flowtag is, and no other settings."""

import pytest
from streamlit import config, file_util

from flowtag_core.errors import FlowtagError
from flowtag_core.page import server


def test_in_a_package_the_script_is_next_to_the_page(tmp_path, monkeypatch):
    package = tmp_path / "site" / "flowtag_core"
    monkeypatch.setattr(server.flowtag_core, "__file__", str(package / "__init__.py"))
    with pytest.raises(FlowtagError, match="Install flowtag again"):
        server.folder()
    served = package / "page" / "served"
    served.mkdir(parents=True)
    (served / "dashboard.py").touch()
    assert server.folder() == served


def test_settings_of_the_current_folder_are_ignored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(file_util, "get_project_streamlit_file_path", None)
    server._use_settings_of(server.folder())
    files = config.get_config_files("config.toml")
    assert str(server.folder() / ".streamlit" / "config.toml") in files
    assert not any(str(tmp_path) in file for file in files)
