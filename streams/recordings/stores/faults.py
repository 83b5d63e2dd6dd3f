"""What can be wrong with a storage, in the words of whoever set it up."""

from dataclasses import dataclass

from streams.recordings.stores.base import StoreError

# Of what a storage said itself.
_QUOTED_CHARS = 200


@dataclass(frozen=True)
class Fault:
    """A kind of failure: its sentence, and what StoreError says of it."""

    sentence: str
    is_ours: bool = False
    retryable: bool = False


FAULTS = {
    "address_refused": Fault(
        "The storage's address is inside this network. Enter a public one, or have whoever runs LiveHub allow its "
        "network."
    ),
    "bucket_missing": Fault("The bucket, container or folder does not exist. Create it, or enter its exact name."),
    "clock_skewed": Fault(
        "The clock of LiveHub's machine differs from the storage's. Have whoever runs LiveHub set it right.",
        is_ours=True,
        retryable=True,
    ),
    "credentials_refused": Fault("The storage does not accept the credentials. Enter them again."),
    "damaged": Fault("What the storage has is not what was sent.", retryable=True),
    "forbidden": Fault(
        "The storage knows the credentials, but does not let them do this. Allow them to read, write and delete there."
    ),
    "full": Fault("The storage is full. Make room there, or raise its quota.", retryable=True),
    "host_key_changed": Fault(
        "The server's host key is not the one that was seen first. If that is as it should be, remove the host key "
        "from the storage's settings; else somebody stands between."
    ),
    "misconfigured": Fault("The storage's settings cannot be right."),
    "name_refused": Fault("The storage takes no object of that name."),
    "object_missing": Fault("The storage has no such object: it was removed there."),
    "refused": Fault("The storage refuses."),
    "timed_out": Fault(
        "The storage does not answer in time. Check whether it runs, and the way to it.", retryable=True
    ),
    "unavailable": Fault(
        "The storage cannot be reached or is out of order. Check its address, and whether it runs.", retryable=True
    ),
    "upload_missing": Fault("The storage no longer knows the upload.", retryable=True),
}


def store_error(code: str, detail: str = "") -> StoreError:
    """Return the error of that code; `detail`, which must hold no secret, is put at the end of its first sentence."""
    fault = FAULTS[code]
    words = " ".join(detail.split())[:_QUOTED_CHARS]
    said, stop, advice = fault.sentence.partition(". ")
    reason = f"{said.removesuffix('.')} ({words}).{stop[1:]}{advice}" if words else fault.sentence
    return StoreError(reason, code=code, is_ours=fault.is_ours, retryable=fault.retryable)
