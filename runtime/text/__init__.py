"""Turns labels into embeddings on the device: tokenizer and text graph. No video here."""
