"""``python -m costopt.cli``, where no script was installed."""

from costopt.cli.program import main

if __name__ == "__main__":
    main()
