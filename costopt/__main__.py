"""``python -m costopt``, where no script was installed."""

from costopt.cli.program import main

if __name__ == "__main__":
    main()
