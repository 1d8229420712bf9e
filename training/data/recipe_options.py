"""The options that recipes may give to readers and builders, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, ValidationError

from ...tools.tool import explain_validation
from .builders.reasoning import FORMS


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _pattern(text: str) -> str:
    """A picture's name by `{video}` and `{frame}`. Raises ValueError for other fields."""
    try:
        fields = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        text.format(video="v", frame="1")
    except (ValueError, LookupError, AttributeError) as error:
        raise ValueError("only {video} and {frame} can stand in it") from error
    if fields != {"video", "frame"}:
        raise ValueError("{video} and {frame} must stand in it")
    return text


def _form(name: str) -> str:
    if name not in FORMS:
        raise ValueError(f"no form {name!r}; there are {', '.join(FORMS)}")
    return name


def _rising(span: tuple[int, int]) -> tuple[int, int]:
    if span[0] > span[1]:
        raise ValueError("the first number must not be above the second")
    return span


_Names = Annotated[list[str], Field(min_length=1)]
_Stride = Annotated[int, Field(ge=1)]


class _Refcoco(_Options):
    splits: _Names | None = None


class _Sequence(_Options):
    stride: _Stride | None = None


class _Mot(_Sequence):
    visibility: Annotated[float, Field(ge=0.0, le=1.0)] | None = None


class _Views(_Options):
    cameras: _Names | None = None


class _Star(_Options):
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None


class _Mig(_Options):
    task: str | None = None
    split: Annotated[str, Field(min_length=1)] | None = None


class _Task(_Options):
    images: Annotated[tuple[int, int], AfterValidator(_rising)] | None = None
    phrases: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    cameras: StrictBool | None = None
    forms: Annotated[list[Annotated[str, AfterValidator(_form)]], Field(min_length=1)] | None = None


_READERS: Mapping[str, type[_Options]] = {
    "refcoco": _Refcoco, "lasot": _Sequence, "got10k": _Sequence, "mot": _Mot, "views": _Views,
    "star": _Star, "mig": _Mig,
}  # fmt: skip


def check_reader_options(reader: str, options: Mapping[str, Any]) -> None:
    """Raise ValueError, with the option's name, where a reader has no such option or value."""
    _check(_READERS.get(reader, _Options), options)


def check_task_options(options: Mapping[str, Any]) -> None:
    """Raise ValueError, with the option's name, where tasks have no such option or value."""
    _check(_Task, options)


def _check(form: type[_Options], options: Mapping[str, Any]) -> None:
    # None is no value: the readers would take it for one.
    empty = next((name for name, value in options.items() if value is None), None)
    if empty is not None:
        raise ValueError(f"option {empty}: has no value")
    try:
        form.model_validate(dict(options))
    except ValidationError as error:
        known = ", ".join(form.model_fields) or "none"
        raise ValueError(f"option {explain_validation(error)} Options: {known}") from error
