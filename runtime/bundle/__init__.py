"""The folder that export writes: manifest, files and hashes. No engines or scoring here."""

from .bundle import Bundle, open_default_bundle, shipped_bundle

__all__ = ["Bundle", "open_default_bundle", "shipped_bundle"]
