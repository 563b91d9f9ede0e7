"""What the shell of every command needs: errors, signals, progress, output paths."""
