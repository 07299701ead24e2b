"""What a hand does to a segmentation: tools by name, the rules they keep to, and changes that can be taken back.

A tool looks at a :class:`~organtwin.edit.canvas.Canvas` and proposes labels for a box of it; :mod:`organtwin.edit.apply` lets
through what the rules allow (locked segments, the editable area, the range of values, overlap) and says it as a
:class:`~organtwin.edit.patch.Patch`, which is what is kept, undone and done again.
"""
