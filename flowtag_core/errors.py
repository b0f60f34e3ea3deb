"""Errors, one class for each failure that a caller may want to treat differently.

FlowtagError
├── LogError            a flow log that cannot be read
│   ├── DamagedLogError one that ends before its end; what came out before stays counted
│   ├── OverBudgetError one that costs more memory or time than any sound log of its size
│   └── UnforeseenError one that brings out a bug in flowtag
├── FormatError         a layout given by hand that names no port or no protocol
├── RangesError         ranges inside the network that are none, or unequal ones that were to be added
├── LookupFileError     a lookup that cannot be used at all
├── SettingsError       a flowtag.toml that is not valid
├── RuleError           a rule that cannot be added to a lookup
├── OutputError         a result that could not be written
└── Cancelled           the caller asked to stop

A bad line or a bad lookup row is no error: it is counted and reported beside the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LOGGER: Final = "flowtag_core"
"""Where the traceback of what nobody foresaw goes; nobody sees it unless a handler is added there."""


def reason_of(error: Exception) -> str:
    """The system's words for a failure: `No space left on device`."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class FlowtagError(Exception):
    """Any failure of flowtag; its text is one sentence for a person, with the remedy."""


class LogError(FlowtagError):
    """A flow log that is missing, unreadable or no flow log."""


class DamagedLogError(LogError):
    """A log that stops before its end; `tail` is what followed its last line end."""

    def __init__(self, message: str, tail: bytes = b"") -> None:
        super().__init__(message)
        self.tail = tail


class OverBudgetError(LogError):
    """A log that costs more memory or time than any sound log of its size."""


class UnforeseenError(LogError):
    """A log that brings out a bug in flowtag; its cause is the exception."""


class FormatError(FlowtagError):
    """A layout, given as a format string, that cannot serve."""


class RangesError(FlowtagError):
    """Ranges inside the network that cannot serve, or counts with unequal ones that were to be added."""


class LookupFileError(FlowtagError):
    """A lookup file that is missing, unreadable or has not the three columns."""


class SettingsError(FlowtagError):
    """A file of settings with something in it that is not valid; nothing was counted."""


class RuleError(FlowtagError):
    """A rule that means nothing or cannot stand in the lookup's file; nothing was changed."""


class OutputError(FlowtagError):
    """A result that could not be written; nothing partial is left behind."""


class Cancelled(FlowtagError):
    """The caller's `cancel` said yes; nothing was counted."""


@contextmanager
def as_log_error(name: str) -> Iterator[None]:
    """Run work on one file and raise any failure as an error that names it.

    Raises UnforeseenError for a bug, and LogError where memory runs out or the system fails.
    """
    try:
        yield
    except FlowtagError:
        raise
    except MemoryError as error:
        raise LogError(f"{name}: there is not enough memory to read it.") from error
    except OSError as error:
        raise LogError(f"{name}: cannot be read: {reason_of(error)}.") from error
    except Exception as error:
        raise UnforeseenError(f"{name}: {report_bug(name, error)}") from error


def report_bug(name: str, error: Exception) -> str:
    """Log the traceback of a bug that work on `name` brought out, and return a sentence on it."""
    import logging

    logger = logging.getLogger(LOGGER)
    if not logger.hasHandlers():
        logger.addHandler(logging.NullHandler())
    logger.error("flowtag failed: %r", name, exc_info=error)
    return (
        f"this is a bug in flowtag ({type(error).__name__}: {str(error)[:200]}). Please report it, "
        "with the file if you may share it. The page's terminal shows more, and so does the command "
        "line with FLOWTAG_DEBUG=1."
    )
