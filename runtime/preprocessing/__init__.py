"""From a decoded picture to the network's input pixels. Nothing here opens a source."""
