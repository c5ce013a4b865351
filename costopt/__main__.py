"""``python -m costopt``, where no script was installed."""

from costopt.cli import main

if __name__ == "__main__":
    main()
