"""Every dropped file counts once, however busy the page is and whatever is lost in transit."""

import re

import pytest
from playwright.sync_api import expect

from tests.drops import FIRST_PORT, INPUT, counted, differences, let_go, visited
from tests.logs import line

ADDRESS = re.compile("/_stcore/upload_file/")


@pytest.fixture
def tab(browser, page_url):
    with visited(browser, page_url) as tab:
        yield tab


def write_log(path, port):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(line(dstport=str(port)))
    return path


def test_each_of_many_drops_counts_once(tab):
    ports = let_go(tab, drops=25, every=0.05, way="page")
    assert differences(tab, ports) == {}


def drag(tab, what, *paths, x=900, y=700):
    """Drag local files or folders over the page; by default not over its drop zone."""
    data = {"items": [], "files": [*map(str, paths)], "dragOperationsMask": 1}
    devtools = tab.context.new_cdp_session(tab)
    devtools.send("Input.dispatchDragEvent", {"type": what, "data": data, "x": x, "y": y})


def test_files_and_a_folder_from_the_desktop_are_dropped_anywhere(tab, tmp_path):
    paths = [write_log(tmp_path / f"{number}.log", FIRST_PORT + number) for number in range(2)]
    write_log(tmp_path / "logs" / "a.log", FIRST_PORT + 2)
    write_log(tmp_path / "logs" / ".DS_Store", FIRST_PORT + 9)
    write_log(tmp_path / "zone" / "2026" / "b.log", FIRST_PORT + 3)
    zone = tab.get_by_test_id("stFileUploaderDropzone").bounding_box()
    for what in ("dragEnter", "dragOver", "drop"):
        drag(tab, what, tmp_path / "zone", x=zone["x"] + 200, y=zone["y"] + 40)
    assert differences(tab, [FIRST_PORT + 3]) == {}
    body = tab.locator("body")
    for what in ("dragEnter", "dragOver"):
        drag(tab, what, *paths, tmp_path / "logs")
    expect(body).to_have_class(re.compile("ft-drag"))
    drag(tab, "drop", *paths, tmp_path / "logs")
    expect(body).not_to_have_class(re.compile("ft-drag"))
    assert differences(tab, range(FIRST_PORT, FIRST_PORT + 4)) == {}


def test_a_file_lost_in_transit_is_sent_again_and_counts_once(tab, tmp_path):
    tries = []

    def lose(route):
        tries.append(route.request.url)
        if len(tries) == 2:
            route.fetch()  # The file arrives, but the response is lost.
        if len(tries) > 2:
            route.fallback()
        else:
            route.abort()

    tab.route(ADDRESS, lose)
    # The first report of the upload is lost too.
    tab.evaluate("""() => {
        const queue = window.flowtagDrops, told = queue.setSent
        queue.setSent = () => { queue.setSent = told }
    }""")
    tab.locator(INPUT).set_input_files(write_log(tmp_path / "a.log", FIRST_PORT))
    assert differences(tab, [FIRST_PORT]) == {}
    assert len(tries) == 3


def test_a_file_that_is_gone_is_named_and_the_others_count(tab, tmp_path):
    gone = write_log(tmp_path / "gone.log", FIRST_PORT)

    def remove(route):
        gone.unlink(missing_ok=True)
        route.abort()

    tab.route(ADDRESS, remove, times=1)
    tab.locator(INPUT).set_input_files([gone, write_log(tmp_path / "a.log", FIRST_PORT + 1)])
    tab.get_by_text("gone.log: was not uploaded because the browser could not read it.").wait_for()
    assert counted(tab) == {FIRST_PORT + 1: 1}
