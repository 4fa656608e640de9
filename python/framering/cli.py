"""The command ``framering``: runs a command and turns errors into one line and an exit status."""

import importlib.metadata
import io
import os
import sys
from collections.abc import Sequence

from framering import __version__
from framering.commands import COMMANDS, INTERRUPTED
from framering.errors import ConfigError, RunError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``framering``.

    An error ends it with one line on standard error and an exit status: 2 for wrong arguments,
    1 for a run that failed, 130 for one that Ctrl-C or SIGTERM ended, also where it was saved.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names may hold bytes that are not text.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        run_command(sys.argv[1:] if arguments is None else arguments)
        flush_output()
    except SystemExit:
        flush_output()
        raise
    except KeyboardInterrupt:
        fail("interrupted", INTERRUPTED)
    except ConfigError as error:
        fail(f"framering: {error}", 2)
    except BrokenPipeError:
        discard_output()
        raise SystemExit(1) from None
    except MemoryError as error:
        fail(f"framering: there is not enough memory: {error}", 1)
    except (RunError, OSError) as error:
        fail(f"framering: {error}", 1)
    except RuntimeError as error:
        if not is_out_of_device_memory(error):
            raise
        fail(f"framering: the device has not enough memory; use --device cpu: {error}", 1)


def is_out_of_device_memory(error: RuntimeError) -> bool:
    """Return whether an error is PyTorch's for a full device; does not import PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.cuda.OutOfMemoryError)


def run_command(arguments: Sequence[str]) -> None:
    """Run the command that the first argument names, with the rest as its arguments."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return
    if arguments[0] == "--version":
        print(version())
        return
    name, *rest = arguments
    if name not in COMMANDS:
        raise ConfigError(f"command: expected one of {', '.join(COMMANDS)}, got {name!r}")
    COMMANDS[name](rest)


def usage() -> str:
    """Return the list of commands."""
    rows = "\n".join(f"  {name:8} {command.__doc__}" for name, command in COMMANDS.items())
    forms = "framering COMMAND [--help | settings]\n       framering --version"
    return f"usage: {forms}\n\ncommands:\n{rows}"


def version() -> str:
    """Return the versions of framering and torch, and what the core uses of this machine."""
    from framering._core import cpu_features, system_calls

    path = cpu_features()["path"]
    torch = importlib.metadata.version("torch")
    return f"framering {__version__}, CPU path {path}, {system_calls()} system calls, torch {torch}"


def flush_output() -> None:
    """Flush standard output; where that fails, end with status 1, quietly if its reader has gone.

    Without this, Python would report the error after `main`, and end with status 120.
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
        raise SystemExit(1) from None
    except OSError as error:
        discard_output()
        fail(f"framering: standard output: {error}", 1)


def discard_output() -> None:
    """Discard what is still buffered for standard output, and all that follows."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(message: str, status: int) -> None:
    """End with one line on standard error."""
    line = " ".join(message.split())
    print("".join(c if c.isprintable() else repr(c)[1:-1] for c in line), file=sys.stderr)
    raise SystemExit(status) from None
