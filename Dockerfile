# The project and Prefect, for docker-compose.yml. `EXTRAS=train` adds torch, which the GPU worker needs.
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 multiinstruct \
    && install --directory --owner multiinstruct --group multiinstruct /multiinstruct /lake
USER multiinstruct
ENV PATH=/home/multiinstruct/venv/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1
WORKDIR /multiinstruct

# What others have written comes first: a change of our own code then installs nothing anew.
ARG EXTRAS=""
COPY --chown=multiinstruct pyproject.toml constraints.txt README.md ./
RUN python -m venv /home/multiinstruct/venv \
    && pip install --constraint constraints.txt --editable ".${EXTRAS:+[$EXTRAS]}"
COPY --chown=multiinstruct . .
RUN pip install --no-deps --editable .
