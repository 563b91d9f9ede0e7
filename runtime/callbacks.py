"""Callbacks that report the progress of long steps."""

from collections.abc import Callable

# Called while an engine is built, with the share that is done and the name of the phase.
OnBuild = Callable[[float, str], None]
# Called while labels are embedded, with the number of texts done and of all texts.
OnEmbedded = Callable[[int, int], None]
