"""Words that rules of plain wording share."""

from __future__ import annotations

PICTURE = r"(?:image|picture|photo|photograph|pic|shot|frame|snapshot)s?"
IN_PICTURE = rf"(?:in|from|of|on) (?:(?!(?:and|or)\b)[\w']+ ){{0,3}}{PICTURE}\b"
ORDER = r"(?:box|mark|find|show|locate|highlight|outline|detect)"
LEAVE_OUT = (
    r"(?:except(?: for)?|excluding|apart from|aside from|other than|besides|minus|omitting|"
    r"(?:but )?(?:leav(?:e|ing) out|omit|drop|skip|ignor(?:e|ing)|skipping)|but(?: not)?|"
    r"(?:and )?not)"
)
