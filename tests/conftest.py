"""For all tests: the same examples in each run, so that a red run is the change's and not chance's.

`HYPOTHESIS_PROFILE=search pytest` looks for new ones.
"""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
