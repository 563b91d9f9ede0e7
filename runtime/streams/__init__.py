"""Many streams through one network, in shared batches. Options and files are opened above."""
