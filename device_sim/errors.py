"""What can go wrong on purpose.

SimulationError
├── UsageError         the caller's mistake: one line, exit code 2
└── UnreachableError   the broker cannot be reached or refuses us: exit code 1
"""


class SimulationError(Exception):
    """Base of all errors the simulator raises on purpose."""


class UsageError(SimulationError):
    """An argument or a file is wrong; the message is one line."""


class UnreachableError(SimulationError):
    """No connection to the broker at the start."""
