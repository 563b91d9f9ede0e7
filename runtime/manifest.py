"""The old name of `bundle.manifest`, for programs written for 0.1; it goes with 0.3."""

from .bundle.manifest import *  # noqa: F403
