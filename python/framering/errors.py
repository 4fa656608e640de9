"""Errors whose message is written for the user: one line that says what to do."""

INTERRUPTED = 130  # the exit status, as that of a shell's command that Ctrl-C ends


class ConfigError(ValueError):
    """A setting that cannot work. The message says what was expected, what came and what to do."""


class RunError(RuntimeError):
    """A failure of a run, such as a full disk. The message says in one line what is lost."""


class OldLibraryError(ConfigError, ImportError):
    """A library that is too old for what was imported. The message says which version is needed."""
