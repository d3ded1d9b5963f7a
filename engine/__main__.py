"""`python -m engine`: the command line lives in service/command_line.py; this entry is the one place that looks up to it."""

import sys

from service.command_line import main

if __name__ == "__main__":
    sys.exit(main())
