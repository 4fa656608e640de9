"""A stopwatch for the parts of a loop, which are methods that call one another."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Method(NamedTuple):
    """A method, or a function of a module, whose time belongs to a part.

    Attributes
    ----------
    part
        The part's name.
    owner
        The class or module.
    name
        The attribute of the owner.
    whole
        Whether the time of other parts inside the call belongs to this part, too.
    """

    part: str
    owner: Any
    name: str
    whole: bool = False


class Span(NamedTuple):
    """One call of a method of a part, in seconds of `time.perf_counter`."""

    part: str
    start: float
    seconds: float


class Total(NamedTuple):
    """Seconds spent in a part, without those of the parts inside it, and calls."""

    seconds: float = 0.0
    calls: int = 0


class Stopwatch:
    """Sums the time spent in methods, lap by lap.

    Parameters
    ----------
    keep_spans
        Whether `spans` has each call, for a trace.

    Attributes
    ----------
    spans : list of Span
        The calls so far.
    """

    def __init__(self, *, keep_spans: bool = False) -> None:
        self.spans: list[Span] = []
        self._keep_spans = keep_spans
        self._lap: dict[str, Total] = {}
        # Of each call that has not returned: the seconds of the timed calls inside it.
        self._inside: list[float] = []
        self._in_whole = False

    def lap(self) -> dict[str, Total]:
        """Return the totals since the last lap, and begin the next one."""
        lap, self._lap = self._lap, {}
        return lap

    def timed(self, method: Method) -> Callable[..., Any]:
        """Wrap a method so that its time is added to its part."""
        function, part, whole = vars(method.owner)[method.name], method.part, method.whole

        def wrapper(*arguments: Any, **named: Any) -> Any:
            if self._in_whole:
                return function(*arguments, **named)
            self._inside.append(0.0)
            self._in_whole = whole
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._in_whole = False
                self._add(part, start, time.perf_counter() - start)

        return wrapper

    def _add(self, part: str, start: float, seconds: float) -> None:
        inside = self._inside.pop()
        if self._inside:
            self._inside[-1] += seconds
        before = self._lap.get(part, Total())
        self._lap[part] = Total(before.seconds + seconds - inside, before.calls + 1)
        if self._keep_spans:
            self.spans.append(Span(part, start, seconds))

    @contextmanager
    def watching(self, methods: Iterable[Method]) -> Iterator[None]:
        """Context in which methods are timed."""
        with replaced((method.owner, method.name, self.timed(method)) for method in methods):
            yield


@contextmanager
def replaced(attributes: Iterable[tuple[Any, str, Any]]) -> Iterator[None]:
    """Context in which attributes of classes and modules, ``(owner, name, value)``, are others."""
    attributes = list(attributes)
    originals = [(owner, name, vars(owner)[name]) for owner, name, _ in attributes]
    try:
        for owner, name, value in attributes:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)
