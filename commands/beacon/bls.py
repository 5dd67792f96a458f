"""BLS signatures over BLS12-381 with signatures on G1 and keys on G2, hashed to the curve as in RFC 9380."""

from py_arkworks_bls12381 import GT, G1Point, G2Point

DST = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the 48 bytes are the signature of the message by the 96 bytes of the key."""
    try:
        # Both say ValueError for what is no point of the right subgroup.
        signed = G1Point.from_compressed_bytes(signature)
        key = G2Point.from_compressed_bytes(public_key)
    except ValueError:
        return False
    if G2Point.identity() == key:
        return False
    return GT.pairing_check([G1Point.hash_to_curve(message, DST), -signed], [key, G2Point()])
