#!/usr/bin/env python3
"""Makes src/web/pages/fonts/rare-names.woff2: the characters of 通用规范汉字表 (2013) that lie outside the basic block or were
added to its end, which people have in their names and many systems have no glyphs for.

    pip install fonttools brotli
    apt-get install fonts-noto-cjk unicode-data        # Debian 12: Noto Serif CJK SC (SIL OFL 1.1), Unihan 15.0 (kTGH)
    python3 examples/rare-names.py src/web/pages/fonts/rare-names.woff2

The same inputs give the same bytes. It is no part of the build: the file it made is kept in the repository.
"""

import bz2
import sys

from fontTools import subset
from fontTools.ttLib import TTFont

UNIHAN = "/usr/share/unicode/Unihan_OtherMappings.txt.bz2"
FONTS = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc"
SIMPLIFIED_CHINESE = 2
FAMILY = "Rare Names"
# The basic block as Unicode 1.1 had it; what came later is in few fonts.
BASIC = range(0x4E00, 0x9FA6)
# Name records that say whose work it is and on what terms.
KEPT_RECORDS = {0, 7, 8, 9, 11, 12, 13, 14}


def characters():
    rows = (line.rstrip("\n").split("\t") for line in bz2.open(UNIHAN, "rt", encoding="utf-8"))
    points = (int(row[0][2:], 16) for row in rows if len(row) == 3 and row[1] == "kTGH")
    return sorted(point for point in points if point not in BASIC)


def main(path):
    wanted = characters()
    font = TTFont(FONTS, fontNumber=SIMPLIFIED_CHINESE, recalcTimestamp=False)
    missing = [f"U+{point:04X}" for point in wanted if point not in font.getBestCmap()]
    if missing:
        sys.exit(f"the font lacks {' '.join(missing)}")
    options = subset.Options(hinting=False, layout_features=[], name_IDs=["*"], notdef_outline=False, desubroutinize=True)
    options.flavor = "woff2"
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    names = font["name"]
    names.names = [record for record in names.names if record.nameID in KEPT_RECORDS and record.langID == 0x409]
    for record, text in ((1, FAMILY), (2, "Regular"), (4, FAMILY), (6, FAMILY.replace(" ", ""))):
        names.setName(text, record, 3, 1, 0x409)
    font["CFF "].cff.fontNames = [FAMILY.replace(" ", "")]
    subset.save_font(font, path, options)
    print(f"{len(wanted)} characters in {path}")


if __name__ == "__main__":
    main(sys.argv[1])
