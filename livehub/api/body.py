"""Reading a request's body, whatever a client puts into it."""

import json

from django.http import HttpRequest

from livehub.api.errors import BodyTooLargeError, MalformedBodyError, UnsupportedMediaTypeError
from livehub.core.errors import ValidationFailedError

# Set by a browser itself, by no page and by no other program: each tells of a request that a page has caused.
_MARKS_OF_A_BROWSER = ("Origin", "Sec-Fetch-Site")
_NOT_AN_IMAGE = "Send the image itself as the body, with the header Content-Type: image/png, image/jpeg or image/webp."
_NOT_JSON = "Send the body as JSON, with the header Content-Type: application/json."


def refuse_foreign_forms(request: HttpRequest, *, takes_image: bool = False) -> None:
    """Refuse a change that a foreign page may have caused: with a form, or by a script that asks for no leave.

    A browser that has been told a key adds it to such requests by itself. One with a JSON content type it sends only
    after it has asked whether that page may, and no page may; so it is with one of an image. Programs need no content
    type where they send no body.

    :raises UnsupportedMediaTypeError: when it comes from a browser, and not as JSON, or as an image where one is taken.
    """
    is_from_browser = any(mark in request.headers for mark in _MARKS_OF_A_BROWSER)
    is_asked_for = _is_image(request) if takes_image else request.content_type == "application/json"
    if is_from_browser and not is_asked_for:
        raise UnsupportedMediaTypeError(_NOT_AN_IMAGE if takes_image else _NOT_JSON)


def read_json_object(request: HttpRequest) -> dict[str, object]:
    """Return the body as an object; an empty body is an empty object, whatever its content type.

    Not DRF's parsers: they take a chunked body for an empty one, follow the client's choice of charset into codecs that
    are not text, and let a deeply nested body raise.

    :raises UnsupportedMediaTypeError: when it is not sent as JSON.
    :raises MalformedBodyError: when it is not JSON.
    :raises ValidationFailedError: when it is JSON, but no object.
    :raises RequestDataTooBig: when it is longer than `DATA_UPLOAD_MAX_MEMORY_SIZE`.
    """
    body = request.body
    if not body:
        return {}
    if request.content_type != "application/json":
        raise UnsupportedMediaTypeError(_NOT_JSON)
    value = _parse(body)
    if not isinstance(value, dict):
        raise ValidationFailedError("The body must be a JSON object, such as {}.", fields={})
    return value


def read_image(request: HttpRequest, *, at_most: int) -> bytes:
    """Return the body as it is: an image, which may be longer than other bodies.

    :raises UnsupportedMediaTypeError: when it is not sent as an image.
    :raises BodyTooLargeError: when it is longer than that many bytes.
    """
    if not _is_image(request):
        raise UnsupportedMediaTypeError(_NOT_AN_IMAGE)
    # No further than it takes to know.
    body = request.read(at_most + 1)
    if len(body) > at_most:
        raise BodyTooLargeError(f"The image is too large: send at most {at_most // 1_000_000} MB.")
    return body


def _is_image(request: HttpRequest) -> bool:
    return (request.content_type or "").startswith("image/")


def _parse(body: bytes) -> object:
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError("The body is not valid JSON in UTF-8.") from error


def _refuse_constant(constant: str) -> object:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(constant)
