"""Teaching on the page: examples, programs that teach, what became of it; HTTP is elsewhere."""
