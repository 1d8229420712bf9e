"""Words that rules of plain wording and the other rules on a whole sentence share."""

from __future__ import annotations

from .lexicon import ORDERS

ONE_PICTURE = r"(?:image|picture|photo|photograph|pic|img|shot|frame|snapshot)"
PICTURE = rf"{ONE_PICTURE}s?"
IN_PICTURE = rf"(?:in|from|of|on) (?:(?!(?:and|or)\b)[\w']+ ){{0,3}}{PICTURE}\b"
ORDINAL = r"(?:first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th)"
NAMED = (
    rf"(?:(?:the )?{ORDINAL}(?: {ONE_PICTURE})?|(?:the )?{PICTURE} (?:no\.? |number |#)?"
    rf"(?:\d+|one|two|three|four|five|six)\b|(?:the )?middle {ONE_PICTURE})"
)
"""A picture by its number or its place: `image 2`, `the second photo`, `the last`."""

ORDER = rf"(?:{'|'.join(sorted(ORDERS))})"
RANK = r"(?:second|third|fourth|2nd|3rd|4th)"
EXTREME = (
    r"(?:(?:left|right|top|bottom|upper|lower|outer)[- ]?most|largest|biggest|smallest|tiniest|"
    r"tallest|shortest|widest|narrowest)"
)
LEAVE_OUT = (
    r"(?:except(?: for)?|excluding|apart from|aside from|other than|besides|minus|omitting|"
    r"(?:but )?(?:leav(?:e|ing) out|omit|drop|skip|ignor(?:e|ing)|skipping)|but(?: not)?|"
    r"(?:and )?not)"
)
