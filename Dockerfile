# docker build -t cardiac-second-opinion .                     CPU
# docker build --build-arg TORCH_INDEX=https://pypi.org/simple -t cardiac-second-opinion .     CUDA (run with --gpus all)
# docker run --rm -p 8501:8501 cardiac-second-opinion

FROM python:3.12-slim AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt .
# PyTorch first and from its own index: the second command then finds it there and leaves it alone.
RUN pip install --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.txt)"
RUN pip install -r requirements.txt

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home app
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY streamlit_app.py ./
COPY .streamlit .streamlit
COPY weights weights
COPY engine engine
COPY explain explain
COPY service service
COPY app_pages app_pages
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp
USER app
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8501/healthz', timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "streamlit_app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]
