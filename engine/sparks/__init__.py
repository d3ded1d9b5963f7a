"""Calcium sparks: where and when a confocal recording of a cell fires."""
