"""The Hugging Face Hub: which commit is read, and what went wrong, in one line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

from evaluators.errors import UserError
from evaluators.extras import failed_import, install
from harness_plugins.benchmarks.spec import BenchmarkSpec, DatasetSpec


def snapshot(dataset: DatasetSpec, *, only: str | None = None) -> Path:
    """The folder of the client's cache that holds the dataset's files, named by the full hash of their commit.

    Where the Hub is away, it is the commit that the cache knows for the dataset's revision.

    Args:
        only: a pattern of the files to fetch; all of them by default.

    Raises:
        Exception: whatever the client libraries raise; `errors` tells it.
    """
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(dataset.id, repo_type="dataset", revision=dataset.revision or None, allow_patterns=only)
    )


@contextmanager
def errors(spec: BenchmarkSpec) -> Iterator[None]:
    """Whatever the client libraries raise, as a UserError of one line that says what to do."""
    try:
        yield
    except UserError:
        raise
    except Exception as e:
        if failed_import(e) is not None:
            raise UserError(
                f"{spec.full_name}: reading {spec.dataset.id} from the Hub needs: {install(e, 'datasets')} "
                "(or give `path:` with the rows in a local file)"
            ) from None
        raise UserError(f"{spec.full_name}: {spec.dataset.id} {_reason(spec.dataset, e)}") from None


def _reason(dataset: DatasetSpec, error: Exception) -> str:
    from huggingface_hub import constants
    from huggingface_hub import errors as known

    page = f"{constants.ENDPOINT}/datasets/{dataset.id}"
    chain = tuple(_chain(error))
    for e in chain:
        if isinstance(e, known.GatedRepoError) and e.response.status_code == 403:
            return f"is gated, and the account of HF_TOKEN has no access: accept the terms at {page} with it (HTTP 403)"
        if isinstance(e, known.GatedRepoError):
            return f"is gated: accept its terms at {page}, then set HF_TOKEN to a token of that account (HTTP 401)"
        if isinstance(e, known.RevisionNotFoundError):
            return f"has no revision {dataset.revision!r}: give a commit, branch or tag that {page} lists"
        if isinstance(e, known.RepositoryNotFoundError):
            return (
                f"is not at {page}, or is private: see whether it was moved or removed, set HF_TOKEN where you may read it, or give "
                f"`path:` with a copy (HTTP {e.response.status_code})"
            )
        if isinstance(e, known.OfflineModeIsEnabled):
            return f"is not whole in the cache below {constants.HF_HOME}, and HF_HUB_OFFLINE forbids a download: run once without it"
    for e in chain:
        # Clients before 1.0 have errors of the Hub without its answer.
        status = getattr(e.response, "status_code", None) if isinstance(e, known.HfHubHTTPError) else None
        if status == 401:
            return f"cannot be read: {constants.ENDPOINT} does not know the token in HF_TOKEN; correct it or unset it (HTTP 401)"
        if status is not None:
            return f"cannot be read: {constants.ENDPOINT} answers HTTP {status}; try again later"
    if any(isinstance(e, known.LocalEntryNotFoundError | ConnectionError) for e in chain):
        return (
            f"cannot be read: {constants.ENDPOINT} cannot be reached, and the cache below {constants.HF_HOME} lacks it"
        )
    if refusal := _refusal(dataset):
        return _reason(dataset, refusal)
    root = chain[-1]
    return (
        f"cannot be read ({type(root).__name__}: {shorten(str(root), 300)}); nothing was read: run the same command again, or "
        "give `path:` with a copy"
    )


def _refusal(dataset: DatasetSpec) -> Exception | None:
    """Why the Hub lets this account not read; `datasets` says it in words alone."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        HfApi().auth_check(dataset.id, repo_type="dataset")
    except Exception as e:
        return e if isinstance(e, HfHubHTTPError) else None  # else the Hub is away as well
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
