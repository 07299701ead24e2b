"""``python -m organtwin_gui [PROJECT or SCAN]``."""

import sys

from organtwin_gui.app import main

if __name__ == "__main__":
    sys.exit(main(sys.argv))
