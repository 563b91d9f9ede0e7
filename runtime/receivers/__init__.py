"""Who is told of events over a network, of what and in which form; no screens and no files."""
