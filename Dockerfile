# syntax=docker/dockerfile:1
# One image for all roles: docker build -t bibliotique .
# One for an operator: docker build -t bibliotique-operator --target operator .
# Builder and runtime are of the same Debian, so that both have the same C library.
FROM rust:1.95-bookworm AS builder
WORKDIR /src
COPY Cargo.toml Cargo.lock rustfmt.toml clippy.toml ./
COPY proto proto
COPY shared shared
COPY records records
COPY services services
COPY gateway gateway
COPY bibliotique bibliotique
COPY testing testing
COPY bench bench
# What was downloaded and compiled before stays in BuildKit's caches: only what has changed is compiled again.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package bibliotique && \
    install -D target/release/bibliotique /image/usr/local/bin/bibliotique
# New volumes take over owner and mode of the directories where they are mounted first: `bibliotique secrets` writes there.
RUN mkdir -p /image/secrets/ca /image/secrets/identity /image/secrets/catalog /image/secrets/lending \
    /image/secrets/gateway /image/secrets/operator /image/secrets/postgres

# An operator has PostgreSQL's own programs beside the binary, of the server's version: they copy and restore its databases. The
# image is the server's, which is there already; nothing of a server is started.
FROM postgres:17-bookworm AS operator
COPY --from=builder /image/usr/ /usr/
# Small pieces of memory are no use in huge pages, where the host gives them to everybody.
ENV MIMALLOC_ALLOW_THP=0
USER 65532:65532
WORKDIR /tmp
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/bibliotique"]
CMD ["check"]

FROM gcr.io/distroless/cc-debian12:nonroot AS roles
COPY --from=builder /image/usr/ /usr/
COPY --from=builder --chown=65532:65532 /image/secrets/ /secrets/
# Small pieces of memory are no use in huge pages, where the host gives them to everybody.
ENV MIMALLOC_ALLOW_THP=0
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/usr/local/bin/bibliotique"]
CMD ["serve"]
