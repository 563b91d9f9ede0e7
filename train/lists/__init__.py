"""Lists of clips and classes, as data sets and papers have them, against what is on disk."""
