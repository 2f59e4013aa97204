"""What can go wrong on the way to a server, as errors of ours: nothing of asyncua or the network comes through raw."""

from __future__ import annotations

from luban.errors import Error, IoError

__all__ = ["as_error"]

_HINTS = {
    "BadUserAccessDenied": "the server does not know this user, or the password is wrong",
    "BadIdentityTokenRejected": "the server does not take this kind of user: a name, a certificate or nobody",
    "BadIdentityTokenInvalid": "user name or password could not be read by the server",
    "BadCertificateUntrusted": "the server must be told to trust our certificate",
    "BadCertificateInvalid": "the server cannot read our certificate",
    "BadCertificateTimeInvalid": "our certificate has expired, or a clock is wrong",
    "BadCertificateUriInvalid": "`application_uri` must be the URI in our certificate",
    "BadSecurityChecksFailed": "the server does not trust our certificate, or `server_certificate` is not the server's",
    "BadSecurityPolicyRejected": "the server does not offer this `policy`",
    "BadTooManySessions": "another client holds all sessions of the server",
}


def as_error(fault: BaseException, call: str, place: str) -> Error:
    """Return an IoError that says what happened; an error of ours is returned as it is."""
    if isinstance(fault, Error):
        return fault
    received, hint = _words(fault)
    return IoError(
        where=f"plant.{call}", expected="an answer of the OPC UA server", received=received, place=place, hint=hint
    )


def _words(fault: BaseException) -> tuple[str, str]:
    name = type(fault).__name__
    if isinstance(fault, TimeoutError):
        return "none in time", "is the server running, and can it be reached?"
    if isinstance(fault, ConnectionRefusedError):
        return "connection refused", "is the server running at this address?"
    if isinstance(fault, FileNotFoundError):
        return f"no file {fault.filename}", "make the certificates, or correct the binding file"
    if isinstance(fault, ConnectionError):
        return "connection closed", "a server also closes when it does not trust our certificate, or we not its"
    if isinstance(fault, OSError):
        return str(fault.strerror or fault), ""
    if name.startswith("Bad"):
        return f"{name}: {fault}", _HINTS.get(name, "")
    if name in ("AssertionError", "InvalidSignature", "ValueError", "UaError"):
        return f"{name} {fault}".strip(), "certificates or keys do not belong together, or the server refuses ours"
    return f"{name} {fault}".strip(), ""
