"""The subcommands of `stzsar-archive`, a file for each."""
