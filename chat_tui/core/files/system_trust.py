"""Which certificates a connection trusts that nothing else is said of."""

from __future__ import annotations

import os
import ssl


def system_trust() -> ssl.SSLContext:
    """Return the system's trust, or that of the files in `SSL_CERT_FILE` and `SSL_CERT_DIR`; takes milliseconds."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context()
    import truststore

    # On macOS and Windows the system's trust is not in files that OpenSSL can read.
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
