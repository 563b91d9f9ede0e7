"""The training loop and what a step changes. Nothing here reads video or parses options."""
