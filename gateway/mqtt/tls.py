"""The TLS context of a client: verification is on unless it was switched off by name."""

import ssl
from pathlib import Path

from gateway.errors import ConfigError


def client_context(
    ca_file: Path | None, certificate_file: Path | None, key_file: Path | None, *, is_verified: bool
) -> ssl.SSLContext:
    """Return a context that trusts `ca_file` (the system's authorities if None) and shows our certificate, if any.

    Raises:
        ConfigError: a file cannot be read or is not what its name says.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if certificate_file:
            context.load_cert_chain(certificate_file, key_file)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(str(path) for path in (ca_file, certificate_file, key_file) if path)
        msg = f"mqtt: a TLS file cannot be used ({files}): {error}"
        raise ConfigError(msg) from error
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
