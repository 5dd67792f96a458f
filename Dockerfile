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
# Collecting files asks no server, but a production start wants every setting.
ENV STATIC_ROOT=/portal/static
RUN SECRET_KEY=only-for-this-step-which-signs-nothing-and-is-kept-nowhere \
    ALLOWED_HOSTS=localhost BEACON=local PUBLIC_URL=https://localhost EMAIL_HOST=localhost \
    DATABASE_URL=postgresql://nowhere/portal REDIS_URL=redis://nowhere/0 \
    MONGODB_URL=mongodb://nowhere/portal python manage.py collectstatic --noinput
RUN useradd --system portal
USER portal
