"""MG-Data: builds multi-image grounding samples, of any number, from annotations that people have.

`sample.py` is the form of a sample, `record.py` of an annotated picture. Readers turn published
annotation files into records; builders turn records and composed scenes into samples; `build.py`
runs them by a recipe, `verify.py` checks every question by brute force on a path of its own.
"""
