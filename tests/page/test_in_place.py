"""Files of this machine are found, read once, and a lookup goes back into its file."""

import io
import os
import re
import sys
import threading
import time

import pytest

from flowtag_core import load_lookup_table
from flowtag_core.errors import OutputError
from flowtag_core.page import in_place, intake
from flowtag_core.page.session import Session
from tests.logs import LOOKUP, line
from tests.page.seen import V3, V5, log_with, metrics, opened


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two logs and a lookup, nothing of which is known yet."""
    monkeypatch.setattr(in_place, "_COUNTED", {})
    (tmp_path / "logs" / "sub").mkdir(parents=True)
    (tmp_path / "logs" / "a.log").write_bytes(line())
    (tmp_path / "logs" / "sub" / "b.log").write_bytes(line())
    (tmp_path / "logs" / ".hidden").write_bytes(line())
    return tmp_path


def started(*arguments):
    """A session that was started with these words, all read."""
    session = Session()
    in_place.start(session, [str(argument) for argument in arguments])
    session.intake.wait(60)
    session.collect()
    in_place.remember(session.logs.by_name.values())
    return session


def test_a_folder_is_read_with_all_below_it_but_hidden_files(folder):
    session = started(folder / "logs")
    assert list(session.logs.by_name) == [str(folder / "logs")]
    assert session.logs.counts.total.flows == 2
    assert not session.messages.refused


def test_a_run_that_overtakes_the_start_sees_that_files_are_being_read(folder, monkeypatch):
    """Streamlit begins a new run of the script while the one before is still busy."""
    session, find, looking = Session(), in_place.find, threading.Event()

    def slowly(*arguments):
        looking.set()
        time.sleep(0.3)
        return find(*arguments)

    monkeypatch.setattr(in_place, "find", slowly)
    words = [str(folder / "logs")]
    first = threading.Thread(target=in_place.start, args=(session, words))
    first.start()
    looking.wait(60)
    in_place.start(session, words)
    session.collect()
    assert session.is_busy or session.logs
    first.join()
    session.intake.wait(60)
    session.collect()
    assert session.logs.counts.total.flows == 2


def test_a_file_that_is_given_twice_counts_twice_and_can_be_removed(folder):
    logs = folder / "logs"
    (folder / "link.log").symlink_to(logs / "a.log")
    for _ in ("read", "known"):
        session = started(logs, logs / "sub", folder / "link.log", logs)
        assert session.logs.counts.total.flows == 6
        assert list(session.messages.repeated.values()) == [
            f"{logs / 'sub'}: all of its files were already added with {logs} and are counted each time.",
            f"{folder / 'link.log'}: was already added with {logs} and is counted each time.",
            f"{logs} (2): all of its files were already added with {logs} and are counted each time.",
        ]
        session.remove_repeated()
        assert session.logs.counts.total.flows == 2
        assert not session.messages.repeated
    session = started(logs / "sub", logs)  # of which one file is nowhere else
    assert not session.messages.repeated
    assert session.messages.told == [
        f"{logs}: 1 of its 2 files was already added with {logs / 'sub'} and is counted each time."
    ]


def test_what_was_counted_in_place_is_read_again_only_when_it_changed(folder, monkeypatch):
    names = []
    each_place = intake.each_place
    monkeypatch.setattr(
        intake,
        "each_place",
        lambda places, **options: names.extend(places) or each_place(places, **options),
    )
    started(folder / "logs")
    assert started(folder / "logs").logs.counts.total.flows == 2
    assert len(names) == 2
    (folder / "logs" / "a.log").write_bytes(line() + b"\n" + line())
    assert started(folder / "logs").logs.counts.total.flows == 3
    assert len(names) == 4


def test_a_lookup_may_be_given_or_lie_in_the_folder(folder):
    rules = folder / "logs" / "rules.csv"
    rules.write_bytes(LOOKUP)
    session = started(folder / "logs")
    assert session.desk.lookup.name == str(rules)
    assert started(folder / "logs").desk.lookup.content == LOOKUP
    given = folder / "given.csv"
    given.write_bytes(b"443,tcp,x\n")
    assert started(folder / "logs", "--lookup", given).desk.lookup.tags == ("x",)
    session = started(folder / "logs", "--lookup", rules)
    assert (session.desk.lookup.name, session.messages.told) == (str(rules), [])


def test_what_is_wrong_with_the_arguments_is_said_and_the_rest_is_read(folder):
    session = started(folder / "none.log", folder / "logs")
    assert session.logs.counts.total.flows == 2
    assert session.messages.refused == [
        f"{folder / 'none.log'}: there is no such file. Check the path."
    ]
    (sentence,) = started("--nonsense").messages.refused
    assert "unrecognized arguments: --nonsense" in sentence
    assert in_place.USAGE in sentence
    empty = folder / "empty"
    empty.mkdir()
    assert "without files" in started(empty).messages.refused[0]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_what_is_no_regular_file_is_not_waited_for(folder):
    os.mkfifo(folder / "logs" / "pipe")
    (sentence,) = started(folder / "logs").messages.refused
    assert "pipe: is not a regular file" in sentence
    session = started(folder / "logs" / "a.log", "--lookup", folder / "logs" / "pipe")
    session.take_in([load_lookup_table(io.BytesIO(LOOKUP))])
    assert not session.desk.has_lookup_to_save


def test_a_folder_that_cannot_be_looked_into_is_named(folder, monkeypatch):
    walk = os.walk

    def locked(path, onerror):
        onerror(PermissionError(13, "Permission denied", str(folder / "logs" / "locked")))
        return walk(path)

    monkeypatch.setattr(os, "walk", locked)
    session = started(folder / "logs")
    assert session.messages.refused == [
        f"{folder / 'logs' / 'locked'}: cannot be opened: Permission denied."
    ]
    assert session.logs.counts.total.flows == 2


def test_a_lookup_goes_back_into_its_file_byte_for_byte_or_not_at_all(folder):
    path = folder / "rules.csv"
    path.write_bytes(LOOKUP)
    session = started("--lookup", path)
    assert in_place.is_saved(session.desk.lookup, session.desk.home)
    other = b"# note\nport;proto;tag;owner\n443;tcp;web;me\n"
    session.take_in([load_lookup_table(io.BytesIO(other))])
    assert not in_place.is_saved(session.desk.lookup, session.desk.home)
    assert in_place.content(session.desk.home) == session.desk.home_content
    in_place.save(session.desk.lookup, session.desk.home)
    session.messages.told = [session.desk.saved()]
    assert path.read_bytes() == other
    assert session.messages.told == [f"Saved 1 rule to {path}."]
    with pytest.raises(OutputError, match="could not be written"):
        in_place.save(session.desk.lookup, str(folder / "none" / "rules.csv"))


def names(session):
    return list(session.logs.by_name)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("logs/*.log", ["logs/a.log"]),
        ("logs/**", ["logs/a.log", "logs/sub/b.log"]),
        ("l?gs", ["logs"]),
        ("logs/[ax].log", ["logs/a.log"]),
    ],
)
def test_a_pattern_that_no_shell_has_matched_means_what_it_matches(folder, pattern, found):
    session = started(folder / pattern)
    assert names(session) == [str(folder / name) for name in found]
    assert not session.messages.refused


def test_a_path_that_is_there_is_no_pattern_whatever_signs_it_has(folder):
    (folder / "[a].log").write_bytes(line())
    (folder / "a.log").write_bytes(line() + b"\n" + line())
    assert started(folder / "[a].log").logs.counts.total.flows == 1


def test_a_pattern_that_matches_nothing_is_named(folder):
    (sentence,) = started(folder / "*.none").messages.refused
    assert sentence == f"{folder / '*.none'}: there is no such file. Check the path."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_path_that_is_a_named_pipe_is_not_waited_for_and_the_others_are_read(folder):
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    session = started(pipe, folder / "logs")
    assert session.messages.refused == [f"{pipe}: is no regular file and was not read."]
    assert names(session) == [str(folder / "logs")]
    assert in_place.content(str(pipe)) is None


@pytest.mark.parametrize("words", [("-",), ("--lookup", "-")])
def test_standard_input_is_that_of_the_server_and_is_not_read(words, monkeypatch, tmp_path):
    (tmp_path / "in").write_bytes(line())
    with (tmp_path / "in").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        session = started(*words)
    assert session.messages.refused == ["stdin: is no regular file and was not read."]
    assert not session.logs
    assert session.desk.given is None


def test_the_arguments_are_paths_a_lookup_and_a_format_in_any_order():
    words = ["a.log", "--format", "x y", "b.log", "--lookup", "l.csv", "c.log"]
    assert in_place.parse(words) == in_place.Given(("a.log", "b.log", "c.log"), "l.csv", "x y")
    assert in_place.parse([]) == in_place.Given()
    assert in_place.parse(["--", "--lookup"]) == in_place.Given(("--lookup",))


@pytest.mark.parametrize("words", [["--lookup"], ["--format"], ["--nonsense=1"], ["-x"]])
def test_arguments_that_mean_nothing_are_refused_with_the_usage(words):
    with pytest.raises(in_place.ArgumentsError, match=re.escape(in_place.USAGE)):
        in_place.parse(words)


def test_a_format_of_the_start_holds_for_its_files_and_a_wrong_one_is_told_in_their_place(folder):
    (folder / "small.log").write_bytes(b"443 6 x\n")
    session = started(folder / "small.log", "--format", "dstport protocol start")
    assert session.logs.counts.total.flows == 1
    assert session.format.text == "dstport protocol start"
    session = started(folder / "small.log", "--format", "dstport")
    assert not session.logs
    assert session.messages.refused == [session.format.wrong]


def test_ranges_of_the_start_are_inside_and_other_ones_count_its_files_again(given, counted):
    log, _ = given
    log.write_bytes(line(srcaddr="203.0.113.9"))
    sys.argv += ["--internal", "203.0.113.0/24"]
    page = opened()
    assert counted == [str(log)]
    assert metrics(page)["Flows"] == "1"
    page.segmented_control(key="boundary").set_value("internal").run()
    assert metrics(page)["Flows"] == "1"
    page.text_input(key="internal").set_value("198.51.100.0/24").run()
    page.run()
    assert counted == [str(log)] * 2
    assert metrics(page)["Flows"] == "0"


def test_what_was_counted_in_one_format_is_not_known_in_another(folder):
    (folder / "small.log").write_bytes(b"443 6 25\n")
    ports = []
    for names_ in ("dstport protocol start", "start protocol dstport"):
        session = started(folder / "small.log", "--format", names_)
        ports += session.logs.counts.requests.port.tolist()
    assert ports == [443, 25]


def test_only_what_was_counted_whole_is_known_by_the_next_tab(folder):
    (folder / "logs" / "c.png").write_bytes(b"\x89PNG")
    for flows in (2, 3):
        session = started(folder / "logs")
        assert session.logs.counts.total.flows == flows
        assert len(session.messages.refused) == 1
        (folder / "logs" / "b.log").write_bytes(line())
    assert in_place._COUNTED == {}


def test_a_page_that_was_started_with_something_says_so_and_with_nothing_does_not(folder):
    assert started(folder / "logs").has_start
    assert not started().has_start
    assert started("--lookup", folder / "none.csv").has_start


def test_a_page_that_others_can_reach_shows_files_in_place_only_where_that_was_asked_for(
    folder, monkeypatch
):
    monkeypatch.setattr(in_place.door, "is_shared", lambda: True)
    rules = folder / "rules.csv"
    rules.write_bytes(LOOKUP)
    refused = started(folder / "logs", "--lookup", rules)
    assert (refused.logs.by_name, refused.desk.given, refused.has_start) == ({}, None, False)
    assert "--shared" in refused.messages.refused[0]
    assert not started("--shared").has_start
    shown = started(folder / "logs", "--lookup", rules, "--shared")
    assert shown.logs.counts.total.flows == 2
    assert shown.desk.given.content == LOOKUP
    # Nothing goes back to this machine.
    assert (shown.desk.home, shown.desk.has_lookup_to_save) == (None, False)


def test_a_session_takes_in_its_start_once_until_it_starts_over(folder):
    words = [str(folder / "logs")]
    session = started(*words)
    session.remove_log(words[0])
    in_place.start(session, words)
    assert not session.logs
    session.start_over()
    in_place.start(session, words)
    session.intake.wait(60)
    session.collect()
    assert session.logs.counts.total.flows == 2


def test_a_lookup_that_lies_in_a_folder_is_read_once_however_it_is_called(folder):
    rules = folder / "logs" / "rules.csv"
    rules.write_bytes(b"443,tcp,web\n")
    (folder / "link.csv").symlink_to(rules)
    found = in_place.find(in_place.Given((str(folder / "logs"),), str(folder / "link.csv")))
    log, lookup = found.arrivals
    assert [os.path.basename(place.name) for place in log.places] == ["a.log", "b.log"]
    assert (lookup.is_lookup, [place.name for place in lookup.places]) == (
        True,
        [str(folder / "link.csv")],
    )


def test_paths_that_are_given_twice_get_names_of_their_own_and_their_files_too(folder):
    path = str(folder / "logs" / "a.log")
    found = in_place.find(in_place.Given((path, path)))
    assert [arrival.name for arrival in found.arrivals] == [path, f"{path} (2)"]
    assert [arrival.places[0].name for arrival in found.arrivals] == [path, f"{path} (2)"]


def test_the_content_of_what_is_no_file_is_none(folder):
    assert in_place.content(str(folder / "logs" / "a.log")) == line()
    assert in_place.content(str(folder / "logs")) is None
    assert in_place.content(str(folder / "none")) is None


def flows_when_all_is_taken(session):
    """The flows once every offer was taken, one layout after the other."""
    while layouts := [*session.offers_by_layout()]:
        session.take_offer(layouts[0])
        session.intake.wait(60)
        session.collect()
    return session.logs.counts.total.flows


@pytest.mark.parametrize("given", [("logs", "logs/b.log"), ("logs", "logs")])
def test_an_offer_for_a_folder_and_one_for_a_file_in_it_are_two(tmp_path, monkeypatch, given):
    monkeypatch.setattr(in_place, "_COUNTED", {})
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "b.log").write_bytes(log_with(V5, 4))
    session = started(*(tmp_path / each for each in given))
    assert len(session.offers) == 2
    assert flows_when_all_is_taken(session) == 8


def test_files_of_a_folder_that_are_taken_one_after_the_other_all_count(tmp_path, monkeypatch):
    monkeypatch.setattr(in_place, "_COUNTED", {})
    (tmp_path / "b.log").write_bytes(log_with(V5, 4))
    (tmp_path / "c.log").write_bytes(log_with(V3, 7))
    assert flows_when_all_is_taken(started(tmp_path)) == 11
