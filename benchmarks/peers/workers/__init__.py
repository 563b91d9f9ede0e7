"""Plain scripts that run in the environments of the peers; only `own` may import stzsar."""
