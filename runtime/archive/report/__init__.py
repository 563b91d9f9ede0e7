"""What a search found, as one HTML file."""
