"""What the echo tasks share: the sector, how frames lie before a network, segmentation, overlay videos, de-identification."""
