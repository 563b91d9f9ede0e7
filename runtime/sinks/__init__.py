"""Where results go: each sink by itself, and none holds up a stream."""
