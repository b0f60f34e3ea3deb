"""Reports for tests, made from a few ports, and what is drawn in a chart."""

import numpy as np

from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import map_tags
from tests.logs import line
from tests.tagging.made import load, parse

EMPTY = np.empty(0, np.int32)


def report(*ports):
    log = b"\n".join(line(dstport=str(port)) for port in ports)
    return map_tags(parse(log), load())


def bars(chart):
    """(name, number) of each bar, in order."""
    (rows,) = chart.to_dict()["datasets"].values()
    return [(row["name"], row["label"]) for row in rows]


def many_tags(numbers):
    """A report in which port 0 has tag 0 and so on, each as often as it is among the numbers."""
    rules = b"dstport,protocol,tag\n" + b"".join(b"%d,tcp,t%d\n" % (n, n) for n in range(30))
    log = b"\n".join(line(dstport=str(number)) for number in numbers)
    return map_tags(parse(log), load(rules))


def course(minutes, width=1):
    """A course with flows in these minutes since 1970."""
    start = np.unique(np.array(minutes, np.int64) // width * width * 60)
    return Course(start, width, EMPTY, EMPTY, EMPTY.astype(np.int64), 0)
