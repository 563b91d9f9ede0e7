"""The archive: frames encoded once, on disk or in an object store, asked anything later."""
