"""The folder that export writes: manifest, files and hashes. No engine, no scoring."""
