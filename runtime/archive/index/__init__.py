"""Videos and live streams to stretches of an archive, in one process, in several, or by Ray."""
