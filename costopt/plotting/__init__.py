"""Pictures of scores, searches and comparisons: one display in each file.

The public names are listed in ``__init__.pyi``, and each is loaded when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
