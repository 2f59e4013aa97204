"""Private parts of ``luban.fitting``: checks, choice of surrogate, labelled posteriors, scoring, artefacts."""
