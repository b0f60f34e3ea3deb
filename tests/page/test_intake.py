"""What stands behind the page: files come in, tabs keep what is theirs."""

import io
import os
import sys
import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import FlowCounts, load_lookup_table, parse_flow_log
from flowtag_core.errors import LogError, OutputError
from flowtag_core.page import in_place, intake, tabs
from flowtag_core.page.intake import Arrival, CountedLog, Intake, Refused, Standing
from flowtag_core.page.logs import Logs
from flowtag_core.page.session import Session
from flowtag_core.sources.places import Place, log_of
from flowtag_core.sources.stream import Stream
from tests.logs import LOOKUP, line


def place(name, content):
    return Place(name, partial(Stream, file=io.BytesIO(content), size=None, start=0), len(content))


def arrival(name, content, **given):
    return Arrival(name, (place(name, content),), **given)


def read(*arrivals):
    """The outcomes of these files."""
    files = Intake()
    files.take(arrivals)
    files.wait(60)
    assert files.standing() is None
    return files.collect()


def flows(log):
    return log.counts.total.flows


def holds_nothing(session):
    return not session.logs and session.desk.given is None


def refused(outcomes):
    return [outcome.sentence for outcome in outcomes if isinstance(outcome, Refused)]


def test_a_batch_gives_each_file_once_and_nothing_before_its_end():
    let_go = threading.Event()

    def opened(name):
        let_go.wait(60)
        return Stream(name, io.BytesIO(line()), None, 0)

    files = Intake()
    waits = Arrival("b.log", (Place("b.log", opened, 10),))
    files.take([arrival("a.log", line() + b"\n" + line()), waits])
    assert files.collect() == []
    assert files.pending()[-1] == "b.log"
    let_go.set()
    files.wait(60)
    one, two = files.collect()
    assert (one.name, flows(one), two.name, flows(two)) == ("a.log", 2, "b.log", 1)
    assert files.collect() == []


def test_a_cancelled_batch_keeps_whole_files_and_names_the_others():
    started = threading.Event()

    class Endless(io.RawIOBase):
        def readable(self):
            return True

        def seek(self, *_):
            return 0

        def read(self, _=-1):
            started.set()
            return (line() + b"\n") * 500

    files = Intake()
    opened = Place("endless.log", partial(Stream, file=Endless(), size=None, start=0))
    endless = Arrival("endless.log", (opened,))
    files.take([arrival("a.log", line()), endless, arrival("b.log", line())])
    assert started.wait(60)
    files.cancel()
    files.wait(60)
    log, *rest = files.collect()
    assert (log.name, flows(log)) == ("a.log", 1)
    assert refused(rest) == [
        "endless.log: it was not read to its end, since you cancelled.",
        "b.log: it was not read, since you cancelled.",
    ]
    files.take([arrival("c.log", line())])
    files.wait(60)
    assert [log.name for log in files.collect()] == ["c.log"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_flowtag_s_own_loses_no_file_without_a_word(monkeypatch):
    files = Intake()
    monkeypatch.setattr(intake, "looks_like_lookup", lambda _: 1 / 0)
    files.take([arrival("a.log", line()), arrival("b.log", line())])
    files.wait(60)
    assert [sentence.partition(":")[0] for sentence in refused(files.collect())] == [
        "a.log",
        "b.log",
    ]
    monkeypatch.undo()
    files.take([arrival("a.log", line())])
    files.wait(60)
    assert [flows(log) for log in files.collect()] == [1]


def test_a_file_that_cannot_be_opened_is_refused_and_the_next_is_read():
    def gone(_):
        raise LogError("gone.log: there is no such file.")

    log, *rest = read(Arrival("gone.log", (Place("gone.log", gone, 5),)), arrival("a.log", line()))
    assert log.name == "a.log"
    assert refused(rest) == ["gone.log: there is no such file."]


def test_the_files_of_a_folder_are_one_log_that_is_known_only_if_all_were_counted():
    whole = tuple(place(f"logs/{name}", line()) for name in "ab")
    (log,) = read(Arrival("logs", whole, identity=1))
    assert (log.name, flows(log), log.identity) == ("logs", 2, 1)
    assert sorted(log.counts.files) == ["logs/a", "logs/b"]
    bad = place("logs/c", b"\x89PNG")
    log, _ = read(Arrival("logs", (*whole, bad), identity=1))
    assert (flows(log), log.identity) == (2, None)


def test_of_a_cancelled_folder_the_files_that_were_counted_stay():
    files = Intake()

    opened = []

    def cancelled(name):
        opened.append(name)
        if len(opened) == 2:  # at first it is looked at whether it is a lookup
            files.cancel()
        return Stream(name, io.BytesIO(line()), None, None)

    places = [
        place("logs/a", line()),
        Place("logs/b", cancelled, can_open_again=False),
        place("logs/c", line()),
    ]
    files.take([Arrival("logs", tuple(places), identity=1)])
    files.wait(60)
    log, *rest = files.collect()
    assert (log.name, flows(log), log.identity) == ("logs", 1, None)
    assert refused(rest) == [
        "logs/b: it was not read to its end, since you cancelled.",
        "logs/c: it was not read, since you cancelled.",
    ]


def test_a_log_that_took_no_time_by_the_clock_is_there_all_the_same(monkeypatch):
    monkeypatch.setattr(intake, "time", SimpleNamespace(monotonic=lambda: 1.0))
    assert [flows(log) for log in read(arrival("a.log", line()))] == [1]


def test_only_what_has_flows_is_taken_for_a_repetition():
    quiet, busy = line(status="NODATA"), line()
    names = ("a", "b")
    for content, sentences in ((quiet, 0), (busy, 1)):
        session = Session()
        session.take_in(read(*(arrival(name, content) for name in names)))
        assert len(session.messages.repeated) == sentences


def test_progress_is_said_with_rate_and_time_left():
    standing = Standing("a.log", 2, 3, 50_000_000, 200_000_000, 2.0)
    assert str(standing) == "a.log (2 of 3): 50.0 MB of 200 MB, 25.0 MB/s, 6 s left"
    assert standing.part == 0.25
    assert str(Standing("a.log", 1, 1, 0, 10, 0.1)) == "a.log: 0 B of 10 B"
    assert Standing("a.log", 1, 1, 0, 0, 0.0).part == 0.0


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.data())
def test_a_log_that_is_removed_leaves_what_the_others_give_alone(ports, data):
    logs = [
        CountedLog(
            str(place), parse_flow_log(io.BytesIO(line(dstport=str(port))), names=[str(place)]), 0.1
        )
        for place, port in enumerate(ports)
    ]
    gone = data.draw(st.sampled_from(logs))
    rest = [log for log in logs if log is not gone]
    kept = Logs().plus(logs).without(gone.name)
    assert kept.counts == sum((log.counts for log in rest), FlowCounts())
    assert list(kept.by_name) == [log.name for log in rest]


def with_sample(*outcomes):
    session = Session()
    session.show_sample()
    for outcome in outcomes:
        session.take_in([outcome])
    return session


def test_one_s_own_log_takes_the_place_of_the_sample_and_of_its_lookup():
    own = CountedLog("a.log", parse_flow_log(io.BytesIO(line())), 0.1)
    lookup = load_lookup_table(io.BytesIO(LOOKUP), name="own.csv")
    session = with_sample(own)
    assert list(session.logs.by_name) == ["a.log"]
    assert session.desk.given is None
    assert list(with_sample(lookup).logs.by_name) == ["flow.log"]
    session = with_sample(lookup, own)
    assert list(session.logs.by_name) == ["a.log"]
    assert session.desk.given is lookup


def test_a_lookup_or_its_removal_never_adds_the_logs_again():
    session = with_sample()
    counts = session.logs.counts
    session.take_in([load_lookup_table(io.BytesIO(LOOKUP))])
    session.remove_lookup()
    assert session.logs.counts is counts


def test_logs_of_one_name_get_names_of_their_own():
    session = Session()
    for _ in range(2):
        session.take([arrival("a.log", line()), arrival("a.log", line())])
        session.intake.wait(60)
        session.collect()
    assert list(session.logs.by_name) == ["a.log", "a.log (2)", "a.log (3)", "a.log (4)"]
    assert session.logs.counts.total.flows == 4


def test_to_start_over_forgets_also_what_is_being_read():
    session = Session()
    session.take([arrival("a.log", (line() + b"\n") * 300_000)])
    session.start_over()
    session.collect()
    assert holds_nothing(session)
    assert not session.is_busy


def test_a_lookup_of_one_s_own_survives_the_sample():
    lookup = load_lookup_table(io.BytesIO(LOOKUP), name="own.csv")
    session = Session()
    session.take_in([lookup])
    session.show_sample()
    assert session.desk.given is not lookup
    session.take_in([CountedLog("a.log", parse_flow_log(io.BytesIO(line())), 0.1)])
    assert session.desk.given is lookup
    session = with_sample()
    session.remove_log("flow.log")
    assert holds_nothing(session)


class Upload(io.BytesIO):
    """What is closed holds no bytes any more."""


def test_an_upload_is_forgotten_however_its_reading_ends():
    good, bad, cancelled = Upload(line()), Upload(b"\x89PNG"), Upload(line())
    files = Intake()
    files.take(
        [
            Arrival(name, log_of(file, name).places, forget=file.close)
            for name, file in (("a", good), ("b", bad))
        ]
    )
    files.wait(60)
    files.cancel()
    waiting = Arrival("c", log_of(cancelled, "c").places, forget=cancelled.close)
    files._waiting.append(waiting)
    files._give_up("it was not read")
    assert (good.closed, bad.closed, cancelled.closed) == (True, True, True)


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
            f"{logs / 'sub'}: all of its files were given before ({logs}) and are counted each time.",
            f"{folder / 'link.log'}: was given before ({logs}) and is counted each time.",
            f"{logs} (2): all of its files were given before ({logs}) and are counted each time.",
        ]
        session.remove_repeated()
        assert session.logs.counts.total.flows == 2
        assert not session.messages.repeated
    session = started(logs / "sub", logs)  # of which one file is nowhere else
    assert not session.messages.repeated
    assert session.messages.told == [
        f"{logs}: 1 of 2 of its files were given before ({logs / 'sub'}) and are counted each time."
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
    assert "pipe: is no regular file" in sentence
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


def test_a_tab_gets_back_what_it_had_and_nobody_else_does(monkeypatch):
    open_, mine, reloaded, copied = set(), *(tabs._Tab(Session(), name) for name in "abc")
    monkeypatch.setattr(tabs, "_TABS", [mine, reloaded, copied])
    monkeypatch.setattr(tabs, "_is_connected", lambda tab: tab.connection in open_)
    mine.session.show_sample()
    assert tabs._named(mine, "secret") is mine
    open_ |= {"a", "c"}
    assert tabs._named(copied, "secret") is copied
    assert holds_nothing(copied.session)
    assert copied.refused == "secret"
    open_.remove("a")
    assert tabs._named(reloaded, "secret") is mine
    assert mine.connection == "b"
    assert [mine, copied] == tabs._TABS


def test_a_closed_tab_is_emptied_after_a_while_and_not_before(monkeypatch):
    removed = []
    runtime = SimpleNamespace(
        uploaded_file_mgr=SimpleNamespace(remove_session_files=removed.append)
    )
    now = [100.0]
    closed = tabs._Tab(Session(), "closed")
    closed.session.show_sample()
    monkeypatch.setattr(tabs, "_TABS", [closed])
    monkeypatch.setattr(tabs, "Runtime", SimpleNamespace(instance=lambda: runtime))
    monkeypatch.setattr(tabs, "_is_connected", lambda _: False)
    monkeypatch.setattr(tabs.time, "monotonic", lambda: now[0])
    for seconds, is_empty in ((0, False), (50, False), (80, True)):
        now[0] += seconds
        if tabs._TABS:
            tabs._look_at(closed)
        assert holds_nothing(closed.session) == is_empty
    assert removed == ["closed"]
    assert tabs._TABS == []
