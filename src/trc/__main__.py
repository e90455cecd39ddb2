import os
import sys

import trc
from trc.cli import main

# `python -m` looks for modules in the working folder first; a project's own `yaml.py` must not stand in for ours.
if sys.path[0] == os.getcwd() and not trc.__file__.startswith(sys.path[0]):  # noqa: PTH109 - as Python wrote it
    del sys.path[0]
main()
