"""Many streams through one network, in shared batches. Nothing here parses options."""
