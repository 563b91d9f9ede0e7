"""From scores to decisions: thresholds, events, and calibration on footage. No sinks here."""
