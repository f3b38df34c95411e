"""Any OpenAI-compatible chat endpoint.

Image bytes go out as data URLs, untouched. The key is read from the environment, sent, and never written anywhere:
should a server echo it, it is blanked before anyone sees the reply.

What it declares is read wherever records are read; the client, which takes a while to import, is in `endpoint.chat`.
"""

from __future__ import annotations

from evaluators.capabilities import Capabilities
from evaluators.messages import ChatBackend
from evaluators.specs import ModelSpec

EXTRA = "openai"
"""Installs what `client: sdk` needs."""

TRANSPORT_ARGS = frozenset({"azure_endpoint", "api_version"})
"""Arguments that say where a model runs; any other name is refused."""

CAPABILITIES = Capabilities(
    seeds=True, fields=("api_key_env", "api_key_header", "headers", "client", "stream", "model_args")
)

_KEYS = frozenset({"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key"})
"""Headers that hold a secret by their meaning, so that none is written into a config."""

_OURS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"})
"""Headers that say how a request is sent."""


def unset(spec: ModelSpec) -> list[str]:
    """The variables of the environment that a spec names and that are not set, a line each."""
    from evaluators.backends.endpoint import chat

    return chat.unset(spec)


def check(spec: ModelSpec) -> None:
    if not spec.model:
        raise ValueError(
            "`model` is missing: the name under which the server serves it (GET base_url/models lists them)"
        )
    from evaluators.backends.endpoint.chat import urls_of
    from evaluators.backends.endpoint.transport import address, header_problem

    if spec.model_args:
        _check_azure(spec)
    else:
        for url in urls_of(spec) or ("",):
            try:
                address(url)
            except ValueError as e:
                raise ValueError(f"`base_url`: {e}") from None
    for name, value in spec.headers.items():
        if problem := header_problem(name, value if isinstance(value, str) else ""):
            raise ValueError(f"headers: {problem}")
        if name.lower() in _OURS:
            raise ValueError(f"headers: {name} says how a request is sent, and is set by this program: leave it out")
        if isinstance(value, str) and name.lower() in _KEYS:
            raise ValueError(
                f"headers: {name} holds a secret, which belongs in an environment variable: `{name}: {{env: NAME}}`"
            )
    if spec.api_key_header and header_problem(spec.api_key_header, ""):
        raise ValueError(f"api_key_header: {header_problem(spec.api_key_header, '')}")
    if spec.api_key_header.lower() in {name.lower() for name in spec.headers}:
        raise ValueError(f"headers: {spec.api_key_header} is the api_key_header already: name it once")
    if "stream" in spec.extra_body:
        raise ValueError("extra_body: `stream` is a field of the judge: write `stream: true` beside extra_body")


def _check_azure(spec: ModelSpec) -> None:
    if spec.client != "sdk":
        raise ValueError(
            "model_args of backend openai are for `client: sdk` (azure_endpoint, api_version); for Azure without it set base_url to "
            "https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT?api-version=... and `api_key_header: api-key`"
        )
    if set(spec.model_args) != TRANSPORT_ARGS or not all(isinstance(v, str) and v for v in spec.model_args.values()):
        raise ValueError("model_args of `client: sdk` are two texts, azure_endpoint and api_version")
    if spec.base_url:
        raise ValueError("azure_endpoint says where requests go: leave base_url out")
    from evaluators.backends.endpoint.transport import address

    try:
        address(spec.model_args["azure_endpoint"])
    except ValueError as e:
        raise ValueError(f"`azure_endpoint`: {e}") from None


def create(spec: ModelSpec) -> ChatBackend:
    from evaluators.backends.endpoint.chat import OpenAIBackend

    return OpenAIBackend(spec)
