"""Checkpoints of other projects, turned into ours. Nothing here trains or runs their code."""
