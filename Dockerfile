FROM python:3.13-slim
WORKDIR /portal
COPY requirements/run.lock requirements/run.lock
RUN pip install --no-cache-dir --require-hashes -r requirements/run.lock
COPY manage.py ./
COPY commands commands
COPY projections projections
COPY notifications notifications
COPY portal portal
# Served under /docs.
COPY docs docs
# What runs servers from wheels is for laptops.
RUN rm -r portal/laptop
RUN useradd --system portal
USER portal
