"""Our own certificate: when it ends. The broker's is looked at where the broker is reached."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

from gateway.doctor.finding import Finding, ok, problem, warning

SOON_DAYS = 30.0
"""Left of a certificate, from when it is worth a warning."""

RENEW = "Make a new one: deploy/mosquitto/certificates.sh client gateway"


def examine(path: Path, now: float) -> Iterator[Finding]:
    """How long the broker will let us in with it; nothing where it cannot be read, which connecting says in words."""
    ends_at = _ends_at(path)
    if ends_at is None:
        return
    days = (ends_at - now) / 86_400
    if days <= 0:
        yield problem("credentials", f"Our certificate {path} ended {-days:.0f} days ago: no broker lets us in.", RENEW)
    elif days < SOON_DAYS:
        yield warning("credentials", f"Our certificate {path} ends in {days:.0f} days.", RENEW)
    else:
        yield ok("credentials", f"Our certificate {path} is good for {days:.0f} days.")


def _ends_at(path: Path) -> float | None:
    """Seconds since 1970, by openssl where there is one: Python reads only the certificate of the other side."""
    program = shutil.which("openssl")
    if program is None:
        return None
    command = [program, "x509", "-noout", "-enddate", "-in", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - as above
        return ssl.cert_time_to_seconds(done.stdout.strip().removeprefix("notAfter="))
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
