"""Every value that shapes the service, in one typed, frozen configuration."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from tamis.indexer.config import Section
from tamis.machine import cores


class ServiceConfig(Section):
    """How the service listens, and the limits that it holds its callers to."""

    host: str = Field("127.0.0.1", description="address to listen on; loopback unless you decide otherwise")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    keys_file: Path | None = Field(None, description="file of API keys, a name, scopes and a hash a line")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="names that requests may call the service by; empty: this machine's, any once keys are set"
    )
    receive_seconds: float = Field(20.0, gt=0, description="a request that takes longer to arrive is hung up on")
    max_k: int = Field(1_000, ge=1, le=10_000, description="most hits that a request may ask for")
    max_query_chars: int = Field(10_000, ge=1, description="longest query, in characters")
    max_batch: int = Field(1_000, ge=1, description="most queries, documents or texts in one request")
    max_body_bytes: int = Field(1_048_576, ge=1_024, description="largest request body")
    threads: int | None = Field(
        None,
        ge=1,
        le=256,
        description="searches that run side by side, more wait their turn; none: one a processor core",
    )
    queue: int = Field(64, ge=0, le=100_000, description="requests that may wait for a thread; the next gets 429")
    queue_tokens: int = Field(
        262_144, ge=1, description="tokens that may wait to be read by a reranker; a request beyond gets 429"
    )
    max_budget_ms: int = Field(60_000, ge=1, description="longest `budget_ms` that a request may give")
    evaluation: Path | None = Field(
        None, description="ablation.json of `tamis eval ablate`, from which /v1/info says what each step down costs"
    )
    tracing: bool = Field(
        False, description="send spans by OpenTelemetry to where its own variables say; the extra `otel` does it"
    )
    log_requests: bool = Field(True, description="log one line for each request")
    log_error_messages: bool = Field(
        False, description="log the messages of unexpected errors; they may quote a query, which else is never logged"
    )

    @property
    def searching(self) -> int:
        """Searches that run side by side: where more threads compute than there are cores, the loop waits for them."""
        return self.threads or cores()
