"""Asks language models behind OpenAI-compatible endpoints, within limits of size and time."""
