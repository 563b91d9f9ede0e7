"""The folder that export writes: manifest, files and hashes. No engines or scoring here."""

from .bundle import Bundle, shipped_bundle

__all__ = ["Bundle", "shipped_bundle"]
