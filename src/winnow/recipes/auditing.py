"""One audit of a recipe: run it on planted documents, leave a page, tell what was found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.audit.audit import audit
from winnow.audit.model import Audit, Setting
from winnow.audit.page import render
from winnow.core.step import Step


@dataclass(frozen=True)
class Audited:
    """What an audit leaves."""

    out: Path
    audit: Audit

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        return {"out": str(self.out), **json.loads(self.audit.to_json())}

    def print(self) -> None:
        """For people."""
        from rich.console import Console

        from winnow.audit.terminal import print_audit

        print_audit(self.audit)
        Console().print(f"\npage  {self.out / 'audit.html'}", highlight=False, soft_wrap=True)


def audit_recipe(step: Step, setting: Setting, out: Path) -> Audited:
    """Audit the recipe and leave ``audit.html`` and ``audit.json`` in ``out``."""
    found = audit(step, setting)
    out.mkdir(parents=True, exist_ok=True)
    (out / "audit.html").write_text(render(found), encoding="utf-8")
    (out / "audit.json").write_text(found.to_json(), encoding="utf-8")
    return Audited(out, found)
