"""What the tests of editors share."""

from __future__ import annotations

import pyarrow as pa

from winnow.edit.editor import Editor


def edited(editor: Editor, *texts: str) -> list[str]:
    """The new texts."""
    new: list[str] = editor.load()(pa.array(texts, pa.string())).texts.to_pylist()
    return new


def counted(editor: Editor, text: str) -> dict[str, int]:
    """The counts that are not 0, of one text."""
    row = editor.load()(pa.array([text], pa.string())).counts.to_pylist()[0]
    return {name: count for name, count in row.items() if count}
