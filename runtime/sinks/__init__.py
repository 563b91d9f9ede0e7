"""Where results go in this process: lines, videos, a window, metrics; nothing that recognises."""
