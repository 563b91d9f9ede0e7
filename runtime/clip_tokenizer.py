"""The old name of `text.clip_tokenizer`, for programs written for 0.1; it goes with 0.3."""

from .text.clip_tokenizer import *  # noqa: F403
