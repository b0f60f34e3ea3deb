"""Local files are found and read once, and a lookup can be saved to its file."""

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
    """A folder whose subfolder has two logs and a hidden file, none of them counted yet."""
    monkeypatch.setattr(in_place, "_COUNTED", {})
    (tmp_path / "logs" / "sub").mkdir(parents=True)
    (tmp_path / "logs" / "a.log").write_bytes(line())
    (tmp_path / "logs" / "sub" / "b.log").write_bytes(line())
    (tmp_path / "logs" / ".hidden").write_bytes(line())
    return tmp_path


def started(*arguments):
    """A session that was started with these arguments and has read all files."""
    session = Session()
    in_place.start(session, [str(argument) for argument in arguments])
    session.intake.wait(60)
    session.collect()
    in_place.remember(session.logs.by_name.values())
    return session


def test_a_folder_is_read_recursively_without_hidden_files(folder):
    session = started(folder / "logs")
    assert list(session.logs.by_name) == [str(folder / "logs")]
    assert session.logs.counts.total.flows == 2
    assert not session.messages.refused


def test_a_run_that_begins_during_the_start_sees_that_files_are_being_read(folder, monkeypatch):
    """Streamlit starts a new run of the script while the previous one is still busy."""
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


def test_a_file_given_twice_is_counted_twice_and_can_be_removed(folder):
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
    session = started(logs / "sub", logs)  # One of the two files was not given before.
    assert not session.messages.repeated
    assert session.messages.told == [
        f"{logs}: 1 of its 2 files was already added with {logs / 'sub'} and is counted each time."
    ]


def test_a_local_file_is_read_again_only_if_it_has_changed(folder, monkeypatch):
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


def test_a_lookup_may_be_given_or_be_in_the_folder(folder):
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


def test_invalid_arguments_are_reported_and_the_rest_is_read(folder):
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
def test_a_file_that_is_not_regular_is_refused_without_waiting(folder):
    os.mkfifo(folder / "logs" / "pipe")
    (sentence,) = started(folder / "logs").messages.refused
    assert "pipe: is not a regular file" in sentence
    session = started(folder / "logs" / "a.log", "--lookup", folder / "logs" / "pipe")
    session.take_in([load_lookup_table(io.BytesIO(LOOKUP))])
    assert not session.desk.has_lookup_to_save


def test_an_unreadable_folder_is_named(folder, monkeypatch):
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


def test_a_lookup_is_saved_to_its_file_byte_for_byte_or_not_at_all(folder):
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
def test_a_pattern_that_the_shell_did_not_expand_is_expanded(folder, pattern, found):
    session = started(folder / pattern)
    assert names(session) == [str(folder / name) for name in found]
    assert not session.messages.refused


def test_an_existing_path_is_never_taken_for_a_pattern(folder):
    (folder / "[a].log").write_bytes(line())
    (folder / "a.log").write_bytes(line() + b"\n" + line())
    assert started(folder / "[a].log").logs.counts.total.flows == 1


def test_a_pattern_that_matches_nothing_is_named(folder):
    (sentence,) = started(folder / "*.none").messages.refused
    assert sentence == f"{folder / '*.none'}: no file matches this pattern. Check the path."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_named_pipe_is_refused_without_waiting_and_the_rest_is_read(folder):
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    session = started(pipe, folder / "logs")
    assert session.messages.refused == [f"{pipe}: is not a regular file, so it was not read."]
    assert names(session) == [str(folder / "logs")]
    assert in_place.content(str(pipe)) is None


@pytest.mark.parametrize("words", [("-",), ("--lookup", "-")])
def test_the_servers_standard_input_is_not_read(words, monkeypatch, tmp_path):
    (tmp_path / "in").write_bytes(line())
    with (tmp_path / "in").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        session = started(*words)
    assert session.messages.refused == ["stdin: is not a regular file, so it was not read."]
    assert not session.logs
    assert session.desk.given is None


def test_the_arguments_are_paths_a_lookup_and_a_format_in_any_order():
    words = ["a.log", "--format", "x y", "b.log", "--lookup", "l.csv", "c.log"]
    assert in_place.parse(words) == in_place.Given(("a.log", "b.log", "c.log"), "l.csv", "x y")
    assert in_place.parse([]) == in_place.Given()
    assert in_place.parse(["--", "--lookup"]) == in_place.Given(("--lookup",))


@pytest.mark.parametrize("words", [["--lookup"], ["--format"], ["--nonsense=1"], ["-x"]])
def test_unknown_arguments_are_refused_with_the_usage(words):
    with pytest.raises(in_place.ArgumentsError, match=re.escape(in_place.USAGE)):
        in_place.parse(words)


def test_a_format_argument_applies_to_the_files_and_an_invalid_one_is_reported_instead(folder):
    (folder / "small.log").write_bytes(b"443 6 x\n")
    session = started(folder / "small.log", "--format", "dstport protocol start")
    assert session.logs.counts.total.flows == 1
    assert session.format.text == "dstport protocol start"
    session = started(folder / "small.log", "--format", "dstport")
    assert not session.logs
    assert session.messages.refused == [session.format.wrong]


def test_range_arguments_are_internal_and_changing_them_counts_the_files_again(given, counted):
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


def test_counts_in_one_format_are_not_reused_for_another(folder):
    (folder / "small.log").write_bytes(b"443 6 25\n")
    ports = []
    for names_ in ("dstport protocol start", "start protocol dstport"):
        session = started(folder / "small.log", "--format", names_)
        ports += session.logs.counts.requests.port.tolist()
    assert ports == [443, 25]


def test_only_complete_counts_are_reused_by_the_next_tab(folder):
    (folder / "logs" / "c.png").write_bytes(b"\x89PNG")
    for flows in (2, 3):
        session = started(folder / "logs")
        assert session.logs.counts.total.flows == flows
        assert len(session.messages.refused) == 1
        (folder / "logs" / "b.log").write_bytes(line())
    assert in_place._COUNTED == {}


def test_a_session_knows_whether_the_page_was_started_with_files(folder):
    assert started(folder / "logs").has_start
    assert not started().has_start
    assert started("--lookup", folder / "none.csv").has_start


def test_a_shared_page_shows_local_files_only_on_request(folder, monkeypatch):
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
    # Nothing can be saved on this machine.
    assert (shown.desk.home, shown.desk.has_lookup_to_save) == (None, False)


def test_a_session_reads_the_files_of_its_arguments_once_until_it_starts_over(folder):
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


def test_a_lookup_that_is_also_in_a_folder_is_read_once_under_any_name(folder):
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


def test_paths_given_twice_and_their_files_get_unique_names(folder):
    path = str(folder / "logs" / "a.log")
    found = in_place.find(in_place.Given((path, path)))
    assert [arrival.name for arrival in found.arrivals] == [path, f"{path} (2)"]
    assert [arrival.places[0].name for arrival in found.arrivals] == [path, f"{path} (2)"]


def test_the_content_of_anything_but_a_file_is_none(folder):
    assert in_place.content(str(folder / "logs" / "a.log")) == line()
    assert in_place.content(str(folder / "logs")) is None
    assert in_place.content(str(folder / "none")) is None


def flows_when_all_is_taken(session):
    """The number of flows after every offer is accepted, one layout after another."""
    while layouts := [*session.offers_by_layout()]:
        session.take_offer(layouts[0])
        session.intake.wait(60)
        session.collect()
    return session.logs.counts.total.flows


@pytest.mark.parametrize("given", [("logs", "logs/b.log"), ("logs", "logs")])
def test_the_offers_for_a_folder_and_for_a_file_in_it_are_separate(tmp_path, monkeypatch, given):
    monkeypatch.setattr(in_place, "_COUNTED", {})
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "b.log").write_bytes(log_with(V5, 4))
    session = started(*(tmp_path / each for each in given))
    assert len(session.offers) == 2
    assert flows_when_all_is_taken(session) == 8


def test_files_of_a_folder_accepted_one_after_another_all_count(tmp_path, monkeypatch):
    monkeypatch.setattr(in_place, "_COUNTED", {})
    (tmp_path / "b.log").write_bytes(log_with(V5, 4))
    (tmp_path / "c.log").write_bytes(log_with(V3, 7))
    assert flows_when_all_is_taken(started(tmp_path)) == 11


def test_logs_and_a_lookup_in_a_store_are_read_but_not_written(bucket, monkeypatch):
    monkeypatch.setattr(in_place, "_COUNTED", {})
    bucket.objects = {
        "a/2026/11/22/x.log": line(),
        "a/2026/11/23/x.log": line() + b"\n" + line(),
        "lookup.csv": LOOKUP,
    }
    words = ["s3://logs/a/", "--lookup", "s3://logs/lookup.csv", "--since", "2026-11-23"]
    session = started(*words)
    assert not session.messages.refused
    assert session.logs.counts.total.flows == 2
    assert session.desk.lookup.name == "s3://logs/lookup.csv"
    assert session.desk.home is None
