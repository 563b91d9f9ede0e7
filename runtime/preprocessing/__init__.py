"""Preprocessing: from a decoded picture to the network's pixels. Nothing here opens a source."""
