import os
import sys

import trc
from trc.cli import main

# `python -m` looks for modules in the working folder first; a project's own `yaml.py` must not stand in for ours.
home = os.path.dirname(os.path.dirname(trc.__file__))  # noqa: PTH120 - as Python wrote it
if sys.path[0] == os.getcwd() != home:  # noqa: PTH109
    del sys.path[0]
main()
