"""Saves the attachments that pikepdf finds in a PDF: attachments.py FILE.pdf DIRECTORY"""

import pathlib
import sys

import pikepdf

with pikepdf.open(sys.argv[1]) as pdf:
    for name, spec in pdf.attachments.items():
        assert spec.filename == name and len(spec.get_all_filenames()) == 2, name
        (pathlib.Path(sys.argv[2]) / name).write_bytes(spec.get_file().read_bytes())
