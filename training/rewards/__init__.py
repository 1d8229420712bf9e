"""Rule-based rewards for grounding: one term a file, scored over whole groups at once.

Every term is a pure function of a `ScoredBatch` that gives one number in [0, 1] per rollout; it
never raises on any rollout, and does not depend on the order of boxes, rollouts or terms. A preset
is a weighted list of terms (`presets/`); `scorer.py` turns completions into rollouts.
"""
