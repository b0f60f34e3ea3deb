"""Files are read one after another, and each gives counts, a lookup or a sentence."""

import io
import threading
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest

from flowtag_core.errors import LogError
from flowtag_core.page import intake
from flowtag_core.page.intake import Arrival, Intake, Standing
from flowtag_core.sources.places import Place, log_of
from flowtag_core.sources.stream import Stream
from tests.logs import LOOKUP, line
from tests.page.made import arrival, endless, flows, held, place, read, refused
from tests.page.seen import V5, log_with, zipped


def test_a_batch_gives_each_file_once_and_only_at_its_end():
    let_go = threading.Event()
    files = Intake()
    files.take([arrival("a.log", line() + b"\n" + line()), held("b.log", let_go)])
    assert files.collect() == []
    assert files.pending()[-1] == "b.log"
    let_go.set()
    files.wait(60)
    assert (files.standing(), files.is_busy) == (None, True), "the outcomes wait to be collected"
    one, two = files.collect()
    assert not files.is_busy
    assert (one.name, flows(one), two.name, flows(two)) == ("a.log", 2, "b.log", 1)
    assert files.collect() == []


def test_a_cancelled_batch_keeps_complete_files_and_names_the_others():
    started = threading.Event()
    files = Intake()
    files.take(
        [arrival("a.log", line()), endless("endless.log", started), arrival("b.log", line())]
    )
    assert started.wait(60)
    files.cancel()
    files.wait(60)
    log, *rest = files.collect()
    assert (log.name, flows(log)) == ("a.log", 1)
    assert refused(rest) == [
        "endless.log: cancelled before it was read completely.",
        "b.log: cancelled before it was read.",
    ]
    files.take([arrival("c.log", line())])
    files.wait(60)
    assert [log.name for log in files.collect()] == ["c.log"]


def endless_at_first(name, started, read_again):
    """A place whose file has no end until the event `read_again` is set, and one line after that."""
    never, short = endless(name, started).places[0], place(name, line())
    opened = lambda _: (short if read_again.is_set() else never).open()  # noqa: E731
    return Place(name, opened, 10)


def paused_in_the_middle(files, before, after, identity=None):
    """Take these places, and pause in an endless one between them, which ends when it is read again."""
    started, read_again = threading.Event(), threading.Event()
    middle = endless_at_first("b", started, read_again)
    if identity:
        files.take([Arrival("logs", (*before, middle, *after), identity=identity)])
    else:
        files.take(Arrival(each.name, (each,)) for each in (*before, middle, *after))
    assert started.wait(60)
    files.pause()
    files.wait(2)
    read_again.set()


def test_after_a_pause_the_rest_is_read_and_every_file_counts_once():
    files = Intake()
    paused_in_the_middle(files, [place("a", line())], [place("c", line())])
    assert (files.standing(), files.collect()) == (None, [])
    assert files.pending() == ["b", "c"]
    files.resume()
    files.wait(60)
    assert [(log.name, flows(log)) for log in files.collect()] == [("a", 1), ("b", 1), ("c", 1)]
    files.resume()
    assert (files.standing(), files.collect()) == (None, [])


def test_a_pause_in_a_folder_counts_no_file_twice():
    files = Intake()
    paused_in_the_middle(files, [place("a", line())], [place("c", line())], identity=1)
    files.resume()
    files.wait(60)
    (log,) = files.collect()
    assert (flows(log), log.identity, sorted(log.counts.files)) == (3, 1, ["a", "b", "c"])


def test_a_paused_batch_can_be_cancelled_or_extended():
    files = Intake()
    paused_in_the_middle(files, [place("a", line())], [])
    files.take([arrival("c", line())])
    files.wait(60)
    assert [log.name for log in files.collect()] == ["a", "b", "c"]
    paused_in_the_middle(files, [place("a", line())], [])
    files.cancel()
    log, *rest = files.collect()
    assert log.name == "a"
    assert refused(rest) == ["b: cancelled before it was read."]
    files.resume()
    assert files.standing() is None


def test_a_pause_without_files_has_no_effect():
    files = Intake()
    files.pause()
    files.take([arrival("a.log", line())])
    files.wait(60)
    assert [log.name for log in files.collect()] == ["a.log"]


def test_a_large_lookup_that_is_being_read_can_be_cancelled():
    rows = b"".join(b"%d,tcp,tag%d\n" % (n % 60_000, n % 5_000) for n in range(600_000))
    files = Intake()
    files.take([arrival("lookup.csv", b"dstport,protocol,tag\n" + rows)])
    files.wait(0.2)
    files.cancel()
    files.wait(2)
    assert refused(files.collect()) == ["lookup.csv: cancelled before it was read completely."]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_an_internal_error_every_file_is_still_named(monkeypatch):
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


def test_the_files_of_a_folder_are_one_log_with_an_identity_only_if_all_were_counted():
    whole = tuple(place(f"logs/{name}", line()) for name in "ab")
    (log,) = read(Arrival("logs", whole, identity=1))
    assert (log.name, flows(log), log.identity) == ("logs", 2, 1)
    assert sorted(log.counts.files) == ["logs/a", "logs/b"]
    bad = place("logs/c", b"\x89PNG")
    log, _ = read(Arrival("logs", (*whole, bad), identity=1))
    assert (flows(log), log.identity) == (2, None)


def test_a_cancelled_folder_keeps_the_files_that_were_counted():
    files = Intake()

    opened = []

    def cancelled(name):
        opened.append(name)
        if len(opened) == 2:  # The first time, it is only checked for a lookup.
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
        "logs/b: cancelled before it was read completely.",
        "logs/c: cancelled before it was read.",
    ]


def test_a_log_that_took_no_measurable_time_is_kept(monkeypatch):
    monkeypatch.setattr(intake, "time", SimpleNamespace(monotonic=lambda: 1.0))
    assert [flows(log) for log in read(arrival("a.log", line()))] == [1]


def test_progress_includes_the_rate_and_the_time_left():
    standing = Standing("a.log", 2, 3, 50_000_000, 200_000_000, 2.0)
    assert str(standing) == "a.log (2 of 3): 50.0 MB of 200 MB, 25.0 MB/s, 6 s left"
    assert standing.part == 0.25
    assert str(Standing("a.log", 1, 1, 0, 10, 0.1)) == "a.log: 0 B of 10 B"
    assert Standing("a.log", 1, 1, 0, 0, 0.0).part == 0.0


class Upload(io.BytesIO):
    """An upload, which holds no bytes once it is closed."""


def test_an_upload_is_freed_however_its_reading_ends():
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


def test_a_renamed_file_is_opened_under_its_new_name():
    renamed = arrival("a.log", line()).renamed("b.log")
    assert (renamed.name, [place.name for place in renamed.places]) == ("b.log", ["b.log"])
    (log,) = read(renamed)
    assert (log.name, [*log.counts.files]) == ("b.log", ["b.log"])


@pytest.mark.parametrize("names", [("logs/a",), ("logs/a", "logs/b"), ("logs", "logs")])
def test_renaming_a_folder_does_not_rename_its_files(names):
    folder = Arrival("logs", tuple(place(name, line()) for name in names))
    renamed = folder.renamed("logs (2)")
    assert (renamed.name, renamed.places) == ("logs (2)", folder.places)
    assert renamed.counted_as == "logs (2)"


def test_renaming_an_arrival_keeps_the_log_that_it_counts_in():
    again = arrival("logs/a", line(), log="logs (custom format)").renamed("b")
    assert again.counted_as == "logs (custom format)"
    assert [log.name for log in read(again)] == ["logs (custom format)"]


def test_the_size_of_an_arrival_is_the_sum_of_the_known_sizes():
    files = (place("a", b"12"), Place("pipe", lambda _: None), place("b", b"345"))
    assert Arrival("logs", files).size == 5
    assert Arrival("pipe", files[1:2]).size == 0


def folder_of(**contents):
    return Arrival("logs", tuple(place(name, content) for name, content in contents.items()))


def test_a_lookup_among_the_logs_of_a_folder_is_recognized():
    log, rules = read(folder_of(a=line(), rules=LOOKUP, z=line()))
    assert (log.name, flows(log), [*log.counts.files]) == ("logs", 2, ["a", "z"])
    assert (rules.name, rules.content) == ("rules", LOOKUP)
    assert [rules.name for rules in read(folder_of(rules=LOOKUP))] == ["rules"]


def test_a_file_given_as_a_lookup_is_loaded_or_refused_as_one():
    (rules,) = read(arrival("services", b"https 443/tcp\n", is_lookup=True))
    assert rules.tag_of(443, 6) == "https"
    (sentence,) = refused(read(arrival("a.log", line(), is_lookup=True)))
    assert sentence.startswith("a.log: ")


def test_unusable_files_of_a_folder_are_named_one_by_one_and_the_others_count():
    log, *rest = read(folder_of(a=b"\x89PNG", b=line(), c=b"", d=b"no log"))
    assert (flows(log), [*log.counts.files]) == (1, ["b"])
    assert [sentence.partition(":")[0] for sentence in refused(rest)] == ["a", "c", "d"]
    assert not any(outcome.cancelled for outcome in rest)
    rest = read(folder_of(a=b"", b=b""))
    assert refused(rest) == ["a: is empty.", "b: is empty."]


def test_a_folder_without_flows_where_aws_reported_no_data_is_a_log():
    (log,) = read(folder_of(a=line(status="NODATA")))
    assert (log.name, flows(log)) == ("logs", 0)


def test_all_files_of_an_archive_are_one_log():
    (log,) = read(arrival("logs.zip", zipped(a=line(), b=line() + b"\n" + line()), identity=1))
    assert (log.name, flows(log), log.identity) == ("logs.zip", 3, 1)
    assert sorted(log.counts.files) == ["logs.zip/a.log", "logs.zip/b.log"]
    (log,) = read(folder_of(x=zipped(a=line()), y=line()))
    assert (log.name, flows(log)) == ("logs", 2)


def test_an_archive_without_usable_files_is_refused():
    assert len(refused(read(arrival("logs.zip", zipped(a=b""))))) == 1
    assert len(refused(read(arrival("logs.zip", zipped())))) == 1


@pytest.fixture
def standings(monkeypatch):
    """An intake, and its progress each time a file begins or reports progress."""
    files, seen, each_place = Intake(), [], intake.each_place

    def watched(places, *, progress, **options):
        def tell(told):
            progress(told)
            seen.append(files.standing())

        for results in each_place(places, progress=tell, **options):
            seen.append(files.standing())
            yield results

    monkeypatch.setattr(intake, "each_place", watched)
    return files, seen


def test_progress_covers_all_files_of_a_batch_and_never_goes_back(standings):
    files, seen = standings
    folder = folder_of(b=line(), rules=LOOKUP, c=b"\x89PNG", d=line() * 2)
    files.take([arrival("a.log", line()), folder, arrival("e.log", b"# much to say" * 9)])
    files.wait(60)
    size = len(line()) * 4 + len(LOOKUP) + 4 + 13 * 9
    assert {(standing.files, standing.size) for standing in seen} == {(6, size)}
    read = [standing.bytes_read for standing in seen]
    assert read == sorted(read)
    assert read[0] <= len(line())
    assert read[-1] == size
    # The lookup is loaded before the logs in the same folder.
    places = dict.fromkeys((standing.place, standing.name) for standing in seen)
    assert [*places] == [(1, "a.log"), (3, "b"), (4, "c"), (5, "d"), (6, "e.log")]


def test_the_next_batch_starts_at_zero(standings):
    files, seen = standings
    for name in ("a.log", "b.log"):
        files.take([arrival(name, line())])
        files.wait(60)
    assert files.standing() is None
    assert {(each.name, each.place, each.files, each.size) for each in seen} == {
        (name, 1, 1, len(line())) for name in ("a.log", "b.log")
    }


def test_files_added_while_others_are_read_join_the_batch():
    let_go, files = threading.Event(), Intake()
    files.take([held("a.log", let_go)])
    files.take([arrival("b.log", line())])
    assert (files.standing().files, files.standing().size) == (2, 10 + len(line()))
    let_go.set()
    files.wait(60)
    assert [outcome.name for outcome in files.collect()] == ["a.log", "b.log"]


def test_an_offered_file_is_kept_until_it_is_read_again():
    let_go = []
    ((offered),) = read(arrival("a", log_with(V5, 2), forget=partial(let_go.append, "a")))
    assert let_go == []
    assert offered.layouts == " ".join(V5)
    (log,) = read(offered.again)
    assert (log.name, flows(log)) == ("a", 2)
    assert let_go == ["a"]


def test_a_partly_counted_file_of_a_folder_is_not_offered_as_it_would_count_twice():
    (log,) = read(folder_of(a=line() + b"\n" + log_with(V5, 5), b=line()))
    assert flows(log) == 2


def test_an_accepted_file_of_a_folder_is_counted_in_a_log_of_its_own():
    log, offered = read(folder_of(a=line(), b=log_with(V5, 5)))
    assert (log.name, flows(log), log.identity) == ("logs", 1, None)
    (log,) = read(offered.again)
    assert (log.name, flows(log)) == ("logs (custom format)", 5)


def test_every_file_of_a_cancelled_batch_is_freed_and_none_is_reported_as_a_fault():
    let_go, started, files = [], threading.Event(), Intake()
    arrivals = [endless("a", started), arrival("b", line()), folder_of(c=line(), d=line())]
    files.take(
        replace(each, forget=partial(let_go.append, each.name), identity=each.name)
        for each in arrivals
    )
    assert started.wait(60)
    assert files.pending() == ["a", "b", "logs"]
    files.cancel()
    files.wait(60)
    outcomes = files.collect()
    assert [outcome.sentence[0] for outcome in outcomes] == ["a", "b", "c", "d"]
    assert all(outcome.cancelled for outcome in outcomes)
    assert let_go == ["a", "b", "logs"]
    assert files.pending() == []


def test_an_archive_without_a_log_is_refused_in_a_few_sentences():
    pictures = zipped(**{f"{n}.png": b"\x89PNG" for n in range(50)})
    (sentence,) = refused(read(arrival("a.zip", pictures)))
    assert sentence.count("is a picture") == 3
    assert sentence.endswith("... and 47 more")
