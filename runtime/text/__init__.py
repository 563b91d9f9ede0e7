"""Turns labels into embeddings on the device: tokenizer and text graph. No video here."""

from .encoder import TextEncoder

__all__ = ["TextEncoder"]
