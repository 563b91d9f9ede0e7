"""The command-line options of stzsar-run and stzsar-teach, for click; they do nothing."""
