"""What may be shown of the address of a webhook or a broker."""

from urllib.parse import urlsplit


def shown_origin(url: str, schemes: tuple[str, ...]) -> str:
    """Return scheme, host and port of an address, or less where these are not certain.

    Path and query are left out: for many services they are the secret.
    """
    scheme, separator, _ = url.partition("://")
    scheme = scheme.strip().lower()
    if not separator or scheme not in schemes:
        return "This"
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return f"{scheme}://…"
    # An @ behind the host ends a password that holds a `/`, `?` or `#`.
    is_certain = parts.netloc and "@" not in parts.path + parts.query + parts.fragment
    return f"{scheme}://{parts.netloc.rpartition('@')[2] if is_certain else '…'}"
