"""Cardiac MR: intake by geometry, views, landmarks, segmentation, volumes, finding."""
