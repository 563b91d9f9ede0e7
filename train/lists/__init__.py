"""Lists of clips and classes, matched with the files on disk. Nothing here opens a clip."""
