"""The old name of `labels.shipped`, for programs written for 0.1; it goes with 0.3."""

from .labels.shipped import *  # noqa: F403
