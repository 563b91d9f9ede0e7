"""The tables of an archive, and how a stretch gets into them whole or not at all."""
