"""What happened, kept: a store of events with stills and clips, and how long they stay."""
