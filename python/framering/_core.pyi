"""The compiled core. Private: the package's modules are the interface."""

# system

def cpu_features() -> dict[str, bool]: ...

# frame

# ring
