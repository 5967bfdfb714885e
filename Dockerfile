# One image for every process; compose.yaml chooses the command.
FROM python:3.13.5-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /nexa
RUN python -m venv .venv
COPY requirements.lock ./
RUN .venv/bin/pip install --require-hashes --no-deps --only-binary :all: -r requirements.lock
COPY . .
# The pages are built with the node inside the wheel, and found again below NEXA_HOME.
RUN .venv/bin/python -c "from pathlib import Path; from runtime.build import build; build(Path('/var/lib/nexa'))" \
 && mkdir -p /var/lib/nexa/workers /var/lib/nexa/sandbox && rm -rf "$HOME/.npm" \
 && .venv/bin/python -m compileall -q adapters domains gateway jobs kernel resolvers runtime schema

FROM python:3.13.5-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin nexa
COPY --from=build /nexa /nexa
COPY --from=build --chown=nexa /var/lib/nexa /var/lib/nexa
ENV NEXA_HOME=/var/lib/nexa NEXA_HOST=0.0.0.0 PYTHONUNBUFFERED=1
WORKDIR /nexa
USER nexa
STOPSIGNAL SIGTERM
ENTRYPOINT ["/nexa/.venv/bin/python", "-m", "runtime.command"]
CMD ["--help"]
