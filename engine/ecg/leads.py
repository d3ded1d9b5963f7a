"""The twelve leads, the nine classes, and what is known of them without any signal."""

from __future__ import annotations

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III")  # frontal plane from left to right, aVR inverted
RATE_HZ = 500  # of every signal inside the task (contract: signal.csv)

CLASSES = ("Normal", "AF", "I-AVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")  # CPSC-2018 (Liu 2018)
CLASS_NAMES = {
    "Normal": "Normal rhythm and conduction",
    "AF": "Atrial fibrillation",
    "I-AVB": "First-degree atrioventricular block",
    "LBBB": "Left bundle branch block",
    "RBBB": "Right bundle branch block",
    "PAC": "Premature atrial contraction",
    "PVC": "Premature ventricular contraction",
    "STD": "ST-segment depression",
    "STE": "ST-segment elevation",
}
