"""What goes wrong in a way that the user can mend."""

import re

from .text import Text


class Problem(Exception):
    """A failure that names the file or layer, what is wrong, and what to do.

    Parameters
    ----------
    where : str
        The file, layer or option at fault.
    what : str
        What is wrong with it, without a full stop.
    remedy : str
        What the user can do about it, a whole sentence.
    """

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(where, what, remedy)
        self.where = where
        self.what = what
        self.remedy = remedy

    @property
    def text(self) -> Text:
        """All of it in one line."""
        return Text("{where}: {what}. {remedy}", where=self.where, what=self.what, remedy=self.remedy)

    def __str__(self) -> str:
        return str(self.text)


class WrongShape(Problem):
    """Samples of another shape than the model was opened for.

    Parameters
    ----------
    shape : tuple of int
        One sample's, with a batch of 1.
    """

    def __init__(self, where: str, what: str, remedy: str, shape: tuple[int, ...] = ()) -> None:
        super().__init__(where, what, remedy)
        self.shape = shape


class Unmet(Problem):
    """A constraint that nothing meets; the remedy names the nearest that was found."""


class NotWritten(Problem):
    """A model that a file format has no form for; nothing else is wrong with it."""


def line_of(error: BaseException, most: int = 300) -> str:
    """The first line of what an exception says, for the middle of a sentence.

    Without the colours of a terminal, and cut between words; the exception's name where it says nothing.
    """
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", str(error))
    line = next((part.strip().rstrip(".") for part in plain.splitlines() if part.strip()), type(error).__name__)
    return line if len(line) <= most else f"{line[:most].rpartition(' ')[0] or line[:most]} …"
