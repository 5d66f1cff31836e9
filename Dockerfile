# One image for every command of `engine`, without Faust: an app that embeds the engine needs an image of its own.
# Mount rules and templates as volumes, or copy them into an image built on this one.

FROM python:3.13-slim AS build
# Some packages have no wheel for every processor. The compiler stays in this stage.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
RUN python -m venv --without-pip /opt/engine
WORKDIR /src
# The hot modules are compiled (hatch_build.py); --build-arg ENGINE_COMPILE= leaves them as Python.
ARG ENGINE_COMPILE=1
COPY pyproject.toml hatch_build.py constraints.txt README.md LICENSE NOTICE ./
COPY engine engine
COPY rules rules
COPY templates templates
COPY examples/loyalty-club examples/loyalty-club
RUN pip --python /opt/engine install --no-cache-dir --constraint constraints.txt '.[insight,kafka-python,sending,web]'

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin engine && install --directory --owner engine /project
COPY --from=build /opt/engine /opt/engine
ENV PATH=/opt/engine/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /project
EXPOSE 8080 9100
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://localhost:' + os.environ.get('ENGINE_HTTP_PORT', '9100') + '/readyz', timeout=4)"]
ENTRYPOINT ["engine"]
CMD ["run"]
