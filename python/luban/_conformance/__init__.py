"""Conformance suites that ``luban.testing`` offers."""
