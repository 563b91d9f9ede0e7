"""The archive's tests need its extra."""

import importlib.util

# Without Lance, as on the floors, no file here can even be imported.
collect_ignore_glob = [] if importlib.util.find_spec("lance") else ["*"]
