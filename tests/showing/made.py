"""Reports and views for tests, made from a few ports, and the data of a chart."""

from html.parser import HTMLParser

import numpy as np

from flowtag_core.counts import FileCounts, FlowCounts, tabulate
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import map_tags
from tests.logs import line
from tests.tagging.made import load, parse

EMPTY = np.empty(0, np.int32)


def report(*ports):
    log = b"\n".join(line(dstport=str(port)) for port in ports)
    return map_tags(parse(log), load())


def rows_of(chart):
    """The rows of data of a chart, each a dict."""
    (rows,) = chart.to_dict(validate=True)["datasets"].values()
    return rows


def many_tags(numbers):
    """A report in which port 0 has tag 0 and so on, each counted as often as it occurs in the numbers."""
    rules = b"dstport,protocol,tag\n" + b"".join(b"%d,tcp,t%d\n" % (n, n) for n in range(30))
    log = b"\n".join(line(dstport=str(number)) for number in numbers)
    return map_tags(parse(log), load(rules))


def course(minutes, width=1):
    """A course with flows in these minutes since 1970."""
    start = np.unique(np.array(minutes, np.int64) // width * width * 60)
    return Course(start, width, EMPTY, EMPTY, EMPTY.astype(np.int64), 0)


def counts_of(*rows):
    """Counts of flows, each a tuple of minute, protocol, port, action, packets and bytes."""
    columns = np.array(rows, np.int64).reshape(-1, 6).T
    return FlowCounts(tabulate(*columns), files={"a": FileCounts(flows=len(rows))})


def small_view(tag="web", measure="flows", **filters):
    """A view of three flows in three minutes, on 443/tcp, with this tag, and 9092/tcp."""
    log = parse(
        line(dstport="443", start="1620140700"),
        line(dstport="443", start="1620140820", action="REJECT", volume="0"),
        line(dstport="9092", start="1620140760"),
    )
    lookup = load(f'dstport,protocol,tag\n443,tcp,"{tag.replace(chr(34), chr(34) * 2)}"\n')
    return view_of(log, lookup, measure, **filters)


class Seen(HTMLParser):
    """What a browser parses from HTML: every text, tag and attribute, in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
