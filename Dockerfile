# The image: one static binary and nothing else. `make dist` builds it first.
FROM scratch
ARG BINARY=target/x86_64-unknown-linux-gnu/release/plumbline
COPY ${BINARY} /plumbline
USER 65532:65532
ENTRYPOINT ["/plumbline"]
