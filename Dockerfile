# The image of everything that is ours: web and worker of each service, migrations, topics, the mail catcher.
# Which of them a container is, its command says: `python -m therapist_service web`.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
# With the exporter of spans, which stays silent until OTEL_EXPORTER_OTLP_ENDPOINT names a collector, and with what reads
# buckets, which nothing loads until IMPORT_URL names one.
COPY requirements/image.txt /tmp/image.txt
# pip stays outside: what runs has no installer. Wheels only: nothing is compiled, so no compiler is needed.
RUN python -m venv --without-pip /opt/platform \
 && python -m pip --python /opt/platform/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: -r /tmp/image.txt

FROM ${PYTHON_IMAGE}
# A named volume takes owner and rights of the folder it is mounted on.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin platform \
 && install --directory --owner platform --group platform --mode 0700 /var/lib/mails
COPY --from=packages /opt/platform /opt/platform
ENV PATH=/opt/platform/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
# What belongs in here, .dockerignore lists.
COPY . .
RUN python -m compileall -q .
USER 10001:10001

# HEALTH_PORT: where this container's process says whether it is ready. A step that ends by itself has none.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-I", "-S", "-c", "import http.client, os; process = http.client.HTTPConnection('127.0.0.1', int(os.environ['HEALTH_PORT']), timeout=4); process.request('GET', '/health/ready'); answer = process.getresponse(); answer.read(); assert answer.status == 200"]
