"""Sends events over a network: to whom, which ones, in which form; no screens and no files."""
