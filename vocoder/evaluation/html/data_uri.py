"""Bytes as an address that holds them."""

from base64 import b64encode


def data_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{b64encode(data).decode()}"
