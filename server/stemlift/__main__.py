"""`python -m stemlift`, the same as the command `stemlift`."""

import sys

from stemlift.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
