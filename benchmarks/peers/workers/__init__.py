"""What runs in the peers' environments: plain scripts that, but for `own`, know no stzsar."""
