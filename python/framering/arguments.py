"""Command-line arguments, parsed into settings."""

import contextlib
import io
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from framering.config import TrainConfig
from framering.errors import ConfigError
from framering.grouped_help import grouped

if TYPE_CHECKING:
    from tyro.constructors import ConstructorRegistry

Settings = TypeVar("Settings")

# For tyro, a setting of type `bool | None` takes a value; here it is a flag as well.
_FLAGS = {"--pipeline": ["--pipeline", "True"], "--no-pipeline": ["--pipeline", "False"]}

_FLAG = r"(?<!\S)--\w[\w-]*"
# tyro's messages, and their form here.
_FORMS = [
    (rf"Error parsing ({_FLAG}): invalid literal for int.*?: (.*)", r"\1: expected INT, got \2"),
    (rf"Error parsing ({_FLAG}): could not convert .*?: (.*)", r"\1: expected FLOAT, got \2"),
    (
        rf"Error parsing ({_FLAG}): no type matching (.*?) could be instantiated from \[(.*?)\].*",
        r"\1: expected \2, got \3",
    ),
    (rf"Error parsing ({_FLAG}): (.*)", r"\1: \2"),
    (
        r"invalid choice (.*) for argument '(.*?)'\. Expected one of \((.*)\)\.",
        r"\2: expected one of \3, got \1",
    ),
    (r"Missing value for argument '(.*?)'.*", r"\1: expected a value, got none"),
    (r"Unrecognized options: (.*)", r"flags: expected others, got \1"),
]


def parse(
    kind: type[Settings],
    command: str,
    description: str | None,
    arguments: Sequence[str],
    default: Settings | None = None,
) -> Settings:
    """Parse the arguments of a command.

    Parameters
    ----------
    kind
        The dataclass of its settings.
    command
        The command's name.
    description
        What ``--help`` says of it.
    arguments
        The words that follow the command.
    default
        The settings that arguments override; None: those of the class.

    Raises
    ------
    ConfigError
        If the arguments are wrong; the message has one line.
    """
    import tyro

    if issubclass(kind, TrainConfig) and default is not None and {"-h", "--help"} & {*arguments}:
        kind, default = grouped(kind, default), None
    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message):
            settings: Settings = tyro.cli(
                kind,
                prog=f"framering {command}",
                description=description,
                args=_expand_flags(arguments),
                default=default if default is not None else tyro.MISSING_NONPROP,
                registry=_constructors(),
            )
            return settings
    except SystemExit as error:
        if error.code in (0, None):
            raise
        line = _one_line(message.getvalue())
        raise ConfigError(f"{line}; see framering {command} --help") from None


def _constructors() -> "ConstructorRegistry":
    """Return how tyro makes values: as always, but integers may have an exponent."""
    from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

    registry = ConstructorRegistry()

    @registry.primitive_rule
    def integers(kind: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[int] | None:
        if kind.type is not int:
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar="INT",
            instance_from_str=lambda words: read_integer(words[0]),
            is_instance=lambda value: isinstance(value, int),
            str_from_instance=lambda value: [str(value)],
        )

    return registry


def read_integer(text: str) -> int:
    """Return the integer that a text writes, also with an exponent.

    Raises
    ------
    ValueError
        If it writes none.

    Examples
    --------
    >>> read_integer("1e6"), read_integer("2.5e3"), read_integer("100_000")
    (1000000, 2500, 100000)
    """
    if re.fullmatch(r"[+-]?\d+(\.\d+)?[eE]\+?\d{1,3}", text, re.ASCII):
        number = Decimal(text)
        if number == number.to_integral_value():
            return int(number)
    return int(text)


def preset_name(arguments: Sequence[str]) -> str:
    """Return the preset that arguments choose; without one, the default."""
    name = TrainConfig.preset
    for index, argument in enumerate(arguments):
        if argument == "--preset":
            name = arguments[index + 1] if index + 1 < len(arguments) else ""
        elif argument.startswith("--preset="):
            name = argument.removeprefix("--preset=")
    return name


def _expand_flags(arguments: Sequence[str]) -> list[str]:
    """Give ``--pipeline`` and ``--no-pipeline`` their value, unless it follows."""
    words = []
    for index, argument in enumerate(arguments):
        has_value = index + 1 < len(arguments) and not arguments[index + 1].startswith("--")
        words += [argument] if has_value else _FLAGS.get(argument, [argument])
    return words


def _one_line(box: str) -> str:
    """Return the first message in the box that tyro draws, in framering's form."""
    message, hints = _sections(box)
    for pattern, form in _FORMS:
        if match := re.fullmatch(pattern, message):
            return match.expand(form) + _suggestion(hints)
    if message.startswith("Missing from"):
        return f"{', '.join(re.findall(_FLAG, message))}: expected a value, got none"
    return message


def _sections(box: str) -> tuple[str, str]:
    """Return the text above the first rule in a box, and the rest.

    Without UTF-8, there is no border: the title is a line of its own, with a rule below it.
    """
    rows = [row.strip(" │") for row in box.splitlines() if not re.match(r"\s*[╭╰]", row)]
    rules = [index for index, row in enumerate(rows) if re.fullmatch("─+|-+", row)]
    start = 0 if "╭" in box or not rules else rules.pop(0) + 1
    end = rules[0] if rules else len(rows)
    return " ".join(rows[start:end]).strip(), " ".join(rows[end:])


def _suggestion(hints: str) -> str:
    if "Perhaps you meant:" not in hints:
        return ""
    similar = re.search(_FLAG, hints)
    return f"; did you mean {similar.group()}?" if similar else ""
