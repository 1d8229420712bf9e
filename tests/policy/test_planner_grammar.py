"""Questions that a grammar puts together mean what their parts say, in every combination."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemvg.policy.planner import understand
from tests.policy.sentence_grammar import FAMILIES
from tests.policy.test_planner_sentences import brief

_ASIDE = re.compile(r" \?(?:presence|which)| overall")
"""How the answer is worded, and whether one is chosen of all pictures; tables check that."""


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_parts_make_the_whole(family, data):
    sentence, meaning = data.draw(family())
    found = _ASIDE.sub("", brief(understand(sentence, 3)))
    wanted = _ASIDE.sub("", meaning)
    if family.__name__ == "changed":
        assert found.startswith(wanted), sentence
    else:
        assert found == wanted, sentence
