"""`python -m harness_plugins` is `rubric-harness`."""

import sys

from harness_plugins.cli import main

sys.exit(main())
