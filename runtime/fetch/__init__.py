"""stzsar-fetch: weights in, bundle out, without torch."""
