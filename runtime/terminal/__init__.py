"""What every command needs at the terminal: errors, signals, progress, output paths."""
