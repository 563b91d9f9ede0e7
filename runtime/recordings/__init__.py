"""Frame states on disk, written and scored again. No video is decoded here."""
