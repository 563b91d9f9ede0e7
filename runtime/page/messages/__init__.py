"""What the page's server sends and takes, as types; they know no run."""
