"""jwt_check: JWTs signed with Ed25519, read and verified without OpenSSL and without the emulator.

In:    a token, a public key.
Out:   claims, and whether the signature is that key's (RFC 8032, 5.1.7).
Never: a private key.
"""

import base64
import hashlib
import json

JWT_HEADER = {"alg": "EdDSA", "typ": "JWT"}
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def recover_x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0, "no point of the curve"
    return P - x if x & 1 != sign else x


# A point is (X, Y, Z, T): x = X/Z, y = Y/Z, xy = T/Z (5.1.4), so that adding needs no division.


def affine(x, y):
    return x, y, 1, x * y % P


def point(data):
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    return affine(recover_x(y, number >> 255), y)


def add(one, other):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * D * t1 * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, one):
    result = affine(0, 1)
    while scalar:
        if scalar & 1:
            result = add(result, one)
        one, scalar = add(one, one), scalar >> 1
    return result


def is_same(one, other):
    (x1, y1, z1, _), (x2, y2, z2, _) = one, other
    return (x1 * z2 - x2 * z1) % P == 0 and (y1 * z2 - y2 * z1) % P == 0


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = affine(recover_x(BASE_Y, 0), BASE_Y)


def is_signed_by(public, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % ORDER
    return is_same(times(s, BASE), add(point(r), times(h, point(public))))


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(token):
    header, body, _ = token.split(".")
    assert json.loads(unbase64(header)) == JWT_HEADER
    return json.loads(unbase64(body))
