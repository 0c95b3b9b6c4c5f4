"""`python -m recur …` and the command `recur` of the environment are the program."""
import os
import sys

from ._program import RecurError, program


def main() -> None:
    try:
        path = program()
    except RecurError as error:
        print(f"recur: {error}", file=sys.stderr)
        sys.exit(error.code)
    os.execv(path, [path, *sys.argv[1:]])


if __name__ == "__main__":
    main()
