"""Asking an archive: candidates by frame embeddings, windows scored by the head, moments."""
