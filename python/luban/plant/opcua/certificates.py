"""Self-signed application certificates for OPC UA (Part 6 §6.2.2), and a trust list that is a folder.

For trying things out and for small sites; a company with a certificate authority uses its own.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

from luban.errors import IoError
from luban.plant.opcua.asyncua_access import asyncua_module

__all__ = ["make_certificate", "trusted_certificates"]

_KEY_BITS = 2048
_DAYS = 365


def make_certificate(folder: Path, name: str, application_uri: str, host: str, days: int = _DAYS) -> tuple[Path, Path]:
    """Return certificate (``NAME.der``) and private key (``NAME.pem``, mode 0600), made when they are not there.

    The certificate bears the application URI and the host as alternative names, and the four key usages that OPC UA
    asks for. Raises: IoError when the folder cannot be written; NotBuiltError without the optional packages.
    """
    certificate, key = folder / f"{name}.der", folder / f"{name}.pem"
    if certificate.is_file() and key.is_file():
        return certificate, key
    private, signed = _signed(name, application_uri, host, days)
    serialization: Any = asyncua_module("cryptography.hazmat.primitives.serialization")
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_secret(key, secret)
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.DER))
    except OSError as error:
        raise IoError(
            where="plant.make_certificate",
            expected="a folder that can be written",
            received=str(error.strerror),
            place=str(folder),
        ) from error
    return certificate, key


def _signed(name: str, application_uri: str, host: str, days: int) -> tuple[Any, Any]:
    x509 = asyncua_module("cryptography.x509")
    hashes = asyncua_module("cryptography.hazmat.primitives.hashes")
    rsa = asyncua_module("cryptography.hazmat.primitives.asymmetric.rsa")
    private = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"luban {name}")])
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"), True)
    others = dict.fromkeys(("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False)
    purposes = [x509.ExtendedKeyUsageOID.CLIENT_AUTH, x509.ExtendedKeyUsageOID.SERVER_AUTH]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(_names(x509, application_uri, host)), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.KeyUsage(**usage, **others), True)
        .add_extension(x509.ExtendedKeyUsage(purposes), False)
    )
    return private, builder.sign(private, hashes.SHA256())


def _names(x509: Any, application_uri: str, host: str) -> list[Any]:
    """Return the application URI, the host as it is reached, and this machine's name, which some programs look for."""
    try:
        reached = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        reached = x509.DNSName(host)
    own = x509.DNSName(socket.gethostname())
    return [x509.UniformResourceIdentifier(application_uri), *dict.fromkeys((reached, own))]


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only this user can read. Raises: OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def trusted_certificates(folder: Path) -> set[bytes]:
    """Return the certificates (DER) in a folder; none when there is no folder."""
    return {path.read_bytes() for path in folder.glob("*.der")}
