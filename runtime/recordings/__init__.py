"""Frame states on disk, written and scored again. Nothing here decodes video."""
