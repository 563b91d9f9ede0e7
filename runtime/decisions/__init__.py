"""From scores to decisions: thresholds, events, and thresholds found on a site's own footage."""
