"""What only the ECG page draws: the photographed page, the redrawn ECG, the corrections and the criteria."""
