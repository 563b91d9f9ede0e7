"""The commands of stzsar-archive, one in each file."""
