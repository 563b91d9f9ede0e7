"""What becomes of an archive: looked at, checked, exported, made small, and forgotten."""
