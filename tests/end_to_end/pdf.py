"""A real PDF document, written by hand: pages of text, each with incompressible bytes beside it."""

import random


def real_pdf(pages: int, seed: int, noise: int = 20_000) -> bytes:
    """A document of so many pages and some ``pages * noise`` bytes that a PDF reader opens."""
    chance = random.Random(seed)
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(b"%d 0 R" % (4 + 3 * n) for n in range(pages)), pages),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number in range(pages):
        page, text, extra = 4 + 3 * number, 5 + 3 * number, 6 + 3 * number
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /PieceInfo << /Noise << /Private %d 0 R "
            b"/LastModified (D:20260301120000Z) >> >> /Resources << /Font << /F1 3 0 R >> >> >>" % (text, extra)
        )
        assert len(objects) == page
        objects.append(_stream(b"BT /F1 24 Tf 72 720 Td (Bill %d, page %d of %d) Tj ET" % (seed, number + 1, pages)))
        objects.append(_stream(chance.randbytes(noise)))
    document = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    document += b"".join(b"%010d 00000 n \n" % place for place in places)
    document += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(document)


def _stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)
