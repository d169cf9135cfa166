"""Estimators and how they combine: batch in, verdicts out; pure, needs only numpy and River."""
