"""Print the lowest version of everything that costopt needs, one a line, for pip's --constraint."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
for needed in (*project["dependencies"], *project["optional-dependencies"]["plot"]):
    name, version = re.fullmatch(r"([\w-]+)>=([\d.]+)", needed).groups()
    print(f"{name}=={version}")
