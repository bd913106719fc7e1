"""Objects of other packages' classes, as pickles name them, without the packages."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def classes(names: Mapping[str, str]) -> Iterator[list[type]]:
    """Give empty classes that a pickle names as these.

    Args:
        names: a class by its module.
    """
    parents = {".".join(name.split(".")[:i]) for name in names for i in range(1, name.count(".") + 2)}
    modules = {name: ModuleType(name) for name in parents}
    made = []
    for module, name in names.items():
        made.append(type(name, (), {"__module__": module, "__qualname__": name}))
        setattr(modules[module], name, made[-1])
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield made
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
