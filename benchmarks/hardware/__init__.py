"""stzsar-verify: tries on one machine all that we claim, and writes what came of it."""
