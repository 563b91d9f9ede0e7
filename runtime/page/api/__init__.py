"""What answers HTTP: endpoints, their document and their guard; what they change is elsewhere."""
