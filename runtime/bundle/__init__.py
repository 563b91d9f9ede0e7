"""The folder that export writes: manifest, files and hashes. No engines or scoring here."""
