"""What may stand for a private key in a form, and in the test that every example is a config that works?

Keys that protect nothing, made from numbers that everybody knows, so that the source holds no text that looks like one.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

P, Q, E = 2**1279 - 1, 2**2203 - 1, 65_537  # two Mersenne primes


def rsa_pem() -> str:
    d = pow(E, -1, (P - 1) * (Q - 1))
    numbers = RSAPrivateNumbers(P, Q, d, d % (P - 1), d % (Q - 1), pow(Q, -1, P), RSAPublicNumbers(E, P * Q))
    return _pem(numbers.private_key(unsafe_skip_rsa_key_validation=True))


def ec_pem() -> str:
    return _pem(derive_private_key(42, SECP256R1()))


def _pem(key: PrivateKeyTypes) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
