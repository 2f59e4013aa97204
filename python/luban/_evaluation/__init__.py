"""Private parts of ``luban.evaluation``: how sure pooled errors are, and what they allow to say."""
