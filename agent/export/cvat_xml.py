"""CVAT's XML for images, version 1.1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from ..answer import AnswerBox
from ..batch.record import BatchRecord
from .records import by_picture, class_names, class_of

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_cvat(records: Iterable[BatchRecord], target: Path) -> None:
    """One file: each picture with its boxes in pixels, to a hundredth as CVAT writes them.

    Attributes of a box are its `custom_id`, and `score` where it has one.
    """
    pictures = by_picture(records)
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    labels = SubElement(SubElement(SubElement(root, "meta"), "job"), "labels")
    for name in class_names(pictures):
        label = SubElement(labels, "label")
        SubElement(label, "name").text = _clean(name)
        SubElement(label, "type").text = "rectangle"
        attributes = SubElement(label, "attributes")
        for attribute in ("custom_id", "score"):
            described = SubElement(attributes, "attribute")
            SubElement(described, "name").text = attribute
            SubElement(described, "mutable").text = "False"
            SubElement(described, "input_type").text = "text"
            SubElement(described, "default_value").text = ""
    for number, picture in enumerate(pictures):
        image = picture.image
        place = SubElement(
            root,
            "image",
            id=str(number),
            name=_clean(image.source),
            width=str(image.width),
            height=str(image.height),
        )
        for custom_id, box in picture.boxes:
            _add_box(place, custom_id, box)
    indent(root)
    ElementTree(root).write(target, encoding="utf-8", xml_declaration=True)


def _add_box(place: Element, custom_id: str, box: AnswerBox) -> None:
    x1, y1, x2, y2 = (f"{value:.2f}" for value in box.box)
    drawn = SubElement(
        place,
        "box",
        label=_clean(class_of(box)),
        source="auto",
        occluded="0",
        xtl=x1,
        ytl=y1,
        xbr=x2,
        ybr=y2,
        z_order="0",
    )
    SubElement(drawn, "attribute", name="custom_id").text = _clean(custom_id)
    if box.score is not None:
        SubElement(drawn, "attribute", name="score").text = f"{box.score:.6g}"


def _clean(text: str) -> str:
    """Text without characters that XML can't hold."""
    return _NOT_IN_XML.sub("\ufffd", text)
