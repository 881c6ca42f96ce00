"""Writes NAME.pem and NAME.key: a certificate with a key of Ed25519, signed by itself.

usage: make_certificate.py FOLDER NAME FROM TO      (FROM and TO in days from now)
"""

import datetime
import ipaddress
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

folder, name, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
key = Ed25519PrivateKey.generate()
who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (
    x509.CertificateBuilder()
    .subject_name(who)
    .issuer_name(who)
    .public_key(key.public_key())
    .serial_number(x509.random_serial_number())
    .not_valid_before(now + datetime.timedelta(days=first))
    .not_valid_after(now + datetime.timedelta(days=last))
    .add_extension(
        x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
        critical=False,
    )
    .sign(key, None)
)
with open(os.path.join(folder, name + ".pem"), "wb") as file:
    file.write(certificate.public_bytes(Encoding.PEM))
with open(os.path.join(folder, name + ".key"), "wb") as file:
    file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
print(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())
